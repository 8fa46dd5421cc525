// A proxy between agent and server that can freeze: its connections stay open but carry nothing.
import net from 'node:net';
import { once } from 'node:events';

/** Forwards to a port on loopback. `freeze()` silences the open connections; later ones work. */
export class Proxy {
  #frozenBelow = 0;
  #count = 0;
  #polls = 0;
  #sockets = new Set();

  static async to(port) {
    const proxy = new Proxy();
    proxy.server = net.createServer((near) => proxy.#carry(near, port)).listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  freeze() {
    this.#frozenBelow = this.#count;
    this.#polls = 0;
  }

  /** Whether an answer is still being sent that began a while ago, as that of a long poll does. */
  hasPoll() {
    return this.#polls > 0;
  }

  close() {
    this.server.close();
    this.#sockets.forEach((socket) => socket.destroy());
  }

  #carry(near, port) {
    const number = this.#count;
    this.#count += 1;
    const far = net.connect(port, '127.0.0.1');
    this.#sockets.add(near).add(far);
    let asked = Date.now();
    near.on('data', () => (asked = Date.now()));
    const works = () => number >= this.#frozenBelow;
    far.on('data', () => (this.#polls += Number(works() && Date.now() - asked > 5000)));
    for (const [from, to] of [[near, far], [far, near]]) {
      from.on('data', (bytes) => works() && to.write(bytes));
      from.on('error', () => {});
      // Behind a frozen proxy, a peer does not notice that the other side has closed.
      from.on('close', () => works() && to.destroy());
    }
  }
}
