import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from '../../../main/services/free-ports.ts';

/** A connection between a client and a server of the loopback address that breaks, or hangs, where a test wants it to. */
export class CuttingProxy {
  readonly port: number;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut: { readonly where: 'BEFORE_SERVER' | 'BEFORE_CLIENT'; readonly marker: string } | null = null;
  #heldBack: (() => void)[] | null = null; // what is to be passed on by a thaw; null while nothing is frozen

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  static async start(targetPort: number): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server, await freePort()); // nobody takes it while connections are refused
    server.on('connection', (client) => proxy.#connect(client, targetPort));
    await proxy.accept();
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /**
   * The next request that holds the marker is lost with its connection: on its way to the server, or its answer on the
   * way back. Connections after that are whole.
   */
  cutNext(where: 'BEFORE_SERVER' | 'BEFORE_CLIENT', marker: string): void {
    this.#cut = { where, marker };
  }

  /** Whether the request that a cut was asked for is still to come. */
  get isArmed(): boolean {
    return this.#cut !== null;
  }

  /** From now on nothing gets through, and nobody is told: bytes and ends of connections wait, new ones are accepted. */
  freeze(): void {
    this.#heldBack ??= [];
  }

  /** How many pieces wait for a thaw. */
  get heldBack(): number {
    return this.#heldBack?.length ?? 0;
  }

  /** What waited gets through, in its order: late calls too, whose client has given them up. */
  thaw(): void {
    const heldBack = this.#heldBack ?? [];
    this.#heldBack = null;
    for (const pass of heldBack) pass();
  }

  /** Ends every connection and refuses new ones. */
  refuse(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async accept(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve));
  }

  close(): void {
    this.#heldBack = null;
    this.refuse();
  }

  /** Now, or with the next thaw. */
  #pass(act: () => void): void {
    if (this.#heldBack === null) act();
    else this.#heldBack.push(act);
  }

  #connect(client: Socket, targetPort: number): void {
    const target = connect({ host: '127.0.0.1', port: targetPort });
    const end = (): void => {
      client.destroy();
      target.destroy();
    };
    let isCutting = false;
    for (const [socket, other] of [
      [client, target],
      [target, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on('error', () => {}); // 'close' follows
      socket.on('close', () => {
        this.#sockets.delete(socket);
        this.#pass(() => other.destroySoon());
      });
    }
    client.on('data', (chunk: Buffer) => {
      const cut = this.#cut;
      if (cut !== null && chunk.includes(cut.marker)) {
        this.#cut = null;
        if (cut.where === 'BEFORE_SERVER') return end();
        isCutting = true;
      }
      this.#pass(() => target.write(chunk));
    });
    target.on('data', (chunk: Buffer) => {
      if (isCutting) end();
      else this.#pass(() => client.write(chunk));
    });
  }
}
