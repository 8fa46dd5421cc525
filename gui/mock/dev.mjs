// `npm run dev:mock`: Vite's development server in front of the mock.
import { createServer } from 'vite';
import { createMock } from './server.mjs';

const { server } = createMock();
server.listen(0, '127.0.0.1', async () => {
  process.env.PEREGRINE_BACKEND = `http://127.0.0.1:${server.address().port}`;
  const vite = await createServer();
  await vite.listen();
  vite.printUrls();
  console.log('sign in with any name and the password `peregrine`');
});
