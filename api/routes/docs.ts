import { createRequire } from 'node:module';
import { join, dirname } from 'node:path';
import { Router, type Response } from 'express';

/** Everything from here, nothing inline; the reference calls the API it came from. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const FILES: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Switchyard API</title>
<link rel="icon" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<main id="reference"></main>
<noscript>The reference needs JavaScript; <a href="openapi.json">openapi.json</a> says the same.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/** Swagger UI is started from a file of its own: the policy allows no inline script. */
const START = `window.ui = SwaggerUIBundle({
  url: new URL('openapi.json', document.baseURI).href,
  dom_id: '#reference',
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: false,
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
});
`;

/** The readable reference at `/docs`, made by Swagger UI from the OpenAPI document. */
export function docsRouter(): Router {
  const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/swagger-ui.css'));
  const router = Router({ strict: true });
  router.get('/docs', (_req, res) => send(res, 'text/html; charset=utf-8', PAGE));
  // Relative addresses of the page need it without the slash.
  router.get('/docs/', (_req, res) => res.redirect(308, '../docs'));
  router.get('/docs/start.js', (_req, res) => send(res, 'text/javascript; charset=utf-8', START));
  for (const [name, type] of Object.entries(FILES)) {
    router.get(`/docs/${name}`, (_req, res, next) => {
      res.setHeader('Content-Type', type);
      res.sendFile(join(folder, name), { maxAge: '1h', cacheControl: true }, (error) => error && next(error));
    });
  }
  return router;
}

function send(res: Response, type: string, body: string): void {
  res.setHeader('Content-Security-Policy', POLICY);
  res.setHeader('Content-Type', type);
  res.send(body);
}
