// A plain TCP balancer for servers that share their stores; it does not look at what it forwards.
import net from 'node:net';
import { once } from 'node:events';

export class Balancer {
  #sockets = new Set();
  #turn = 0;

  /** Forwards connections to these ports on loopback in rotation, skipping those that refuse. */
  static async before(ports) {
    const balancer = new Balancer();
    balancer.ports = ports;
    balancer.server = net.createServer((near) => balancer.#carry(near)).listen(0, '127.0.0.1');
    await once(balancer.server, 'listening');
    balancer.port = balancer.server.address().port;
    return balancer;
  }

  /** Discards everything the servers send from now on over the open connections. */
  swallow() {
    for (const socket of this.#sockets) {
      if (!socket.near) continue;
      socket.unpipe(socket.near);
      socket.resume();
    }
  }

  close() {
    this.server.close();
    this.#sockets.forEach((socket) => socket.destroy());
  }

  #carry(near) {
    this.#turn += 1;
    const { length } = this.ports;
    const order = this.ports.map((_, at) => this.ports[(this.#turn + at) % length]);
    this.#sockets.add(near);
    near.on('error', () => {});
    const connect = ([port, ...others]) => {
      if (port === undefined) return near.destroy();
      const far = net.connect(port, '127.0.0.1');
      far.once('error', () => others && !far.wasOpen && connect(others));
      far.once('connect', () => {
        Object.assign(far, { wasOpen: true, near });
        this.#sockets.add(far);
        near.pipe(far).pipe(near);
        for (const [one, other] of [[near, far], [far, near]]) one.on('close', () => other.destroy());
      });
    };
    connect(order);
  }
}
