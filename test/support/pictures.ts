import { join } from 'node:path';
import type { Page } from 'playwright-core';

const FOLDER = join(import.meta.dirname, '../../docs/images');

/** A picture of a page for the documentation. It is kept only where PICTURES is set, since no two are the same. */
export async function takePicture(page: Page, name: string, height: number): Promise<void> {
  await page.setViewportSize({ width: 1280, height });
  const path = process.env['PICTURES'] ? join(FOLDER, `${name}.png`) : undefined;
  const picture = await page.screenshot({ path });
  if (picture.length === 0) throw new Error(`The picture ${name} is empty.`);
}
