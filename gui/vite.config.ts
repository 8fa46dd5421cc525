import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

const backend = process.env.PEREGRINE_BACKEND ?? 'https://127.0.0.1:8889';

export default defineConfig({
  plugins: [react()],
  build: {
    target: 'es2022',
    // The content security policy forbids `data:` sources, so every asset stays a file.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // What the first view needs stays in one file, whichever pages share it; else each set of pages that share something would
    // get a file of its own. What only other pages need is left out.
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: 'shared', test: /\/node_modules\/.*\.m?js$|\/src\/(api|lib|ui)\/(?!drafts|code|markdown)/ }] } } },
  },
  server: {
    host: '127.0.0.1',
    port: 5173,
    // The server accepts requests of its own origin only; in development the page has another.
    proxy: { '/api': { target: backend, secure: false, changeOrigin: true, headers: { origin: backend } } },
  },
});
