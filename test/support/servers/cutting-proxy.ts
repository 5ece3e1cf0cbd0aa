import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** A connection between a client and a server of the loopback address that breaks where a test wants it to. */
export class CuttingProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #cut: { readonly where: 'BEFORE_SERVER' | 'BEFORE_CLIENT'; readonly marker: string } | null = null;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(targetPort: number): Promise<CuttingProxy> {
    const server = createServer();
    const proxy = new CuttingProxy(server);
    server.on('connection', (client) => proxy.#connect(client, targetPort));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get url(): string {
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /**
   * The next request that holds the marker is lost with its connection: on its way to the server, or its answer on the
   * way back. Connections after that are whole.
   */
  cutNext(where: 'BEFORE_SERVER' | 'BEFORE_CLIENT', marker: string): void {
    this.#cut = { where, marker };
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #connect(client: Socket, targetPort: number): void {
    const target = connect({ host: '127.0.0.1', port: targetPort });
    const end = (): void => {
      client.destroy();
      target.destroy();
    };
    let isCutting = false;
    for (const socket of [client, target]) {
      this.#sockets.add(socket);
      socket.on('error', end);
      socket.on('close', () => {
        this.#sockets.delete(socket);
        end();
      });
    }
    client.on('data', (chunk: Buffer) => {
      const cut = this.#cut;
      if (cut !== null && chunk.includes(cut.marker)) {
        this.#cut = null;
        if (cut.where === 'BEFORE_SERVER') return end();
        isCutting = true;
      }
      target.write(chunk);
    });
    target.on('data', (chunk: Buffer) => {
      if (isCutting) end();
      else client.write(chunk);
    });
  }
}
