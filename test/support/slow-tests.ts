import { jest } from '@jest/globals';

// jest 30 takes `testTimeout` of a whole run only, and ignores it in a project.
jest.setTimeout(120_000);
