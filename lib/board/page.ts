// Made from page/* by tools/embed-page.mjs (npm run embed). Do not edit.
/** The page of the board, and the Content-Security-Policy that it needs. */
export const PAGE = {
  contentSecurityPolicy: "default-src 'none'; script-src 'sha256-xIJtIj50+NC0dBATVBEAEx9l5qcNkwNwazOwGRG7btI='; style-src 'sha256-eBONAfyhuhHLQ3VrDiRmoKoTzvzYIWJMagyaYxQom8g='; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  html: "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\" />\n<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\" />\n<title>Exclusive locks</title>\n<style>\n</style>\n</head>\n<body>\n<h1>Exclusive locks</h1>\n<script type=\"module\">\n</script>\n</body>\n</html>\n",
} as const;
