// The description of the REST API and a page to try it. The page itself is static and open; it asks
// for a key and fetches /openapi.json with it.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { OpenAPIHono } from '@hono/zod-openapi';
import { Hono } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import type { HttpEnv } from '../edge/http/http-env.ts';

const assets: Record<string, string> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
};

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Drawbridge API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/docs/swagger-ui.css">
<style>
form { font: 16px sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; display: grid; gap: .5rem }
input, button { font: inherit; padding: .5rem }
</style>
</head>
<body>
<form id="key-form">
<label for="key">Key (<code>drawbridge token show</code>)</label>
<input id="key" type="password" autocomplete="off" required>
<button>Show the API</button>
<output id="issue" role="alert"></output>
</form>
<div id="api"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>`;

const script = `const form = document.getElementById('key-form');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const headers = { Authorization: 'Bearer ' + document.getElementById('key').value.trim() };
  const response = await fetch('/openapi.json', { headers });
  const body = await response.json();
  if (!response.ok) {
    document.getElementById('issue').textContent = body.detail;
    return;
  }
  form.remove();
  SwaggerUIBundle({
    spec: body,
    dom_id: '#api',
    requestInterceptor: (request) => Object.assign(request, { headers: { ...request.headers, ...headers } }),
  });
});`;

export function createDocsRoutes(): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  app.use(
    '/docs/*',
    secureHeaders({
      contentSecurityPolicy: {
        defaultSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:'],
        frameAncestors: ["'none'"],
      },
    }),
  );
  app.get('/docs', (c) => c.redirect('/docs/'));
  app.get('/docs/', (c) => c.html(page));
  app.get('/docs/start.js', (c) =>
    c.body(script, 200, { 'Content-Type': 'text/javascript; charset=utf-8' }),
  );
  app.get('/docs/:asset', async (c, next) => {
    const name = c.req.param('asset');
    const type = assets[name];
    if (type === undefined) return next();
    const folder = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
    return c.body(await readFile(join(folder, name)), 200, {
      'Content-Type': type,
      'Cache-Control': 'max-age=86400',
    });
  });
  return app;
}

/** OpenAPI 3.1, from the very routes that answer. */
export function describeApi(app: OpenAPIHono<HttpEnv>, version: string): object {
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Drawbridge',
      version,
      description:
        'Every tool behind one endpoint, and a log of every call. MCP clients use /mcp instead.',
    },
  });
}
