import { type TemplatedApp, us_socket_local_port } from 'uWebSockets.js';

/** An address can't be listened on. The message is one sentence that says what to do. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code = 'ADDRESS_UNAVAILABLE';
}

/** An app that accepts connections. */
export class Listening {
  readonly port: number;
  readonly #app: TemplatedApp;

  private constructor(app: TemplatedApp, port: number) {
    this.#app = app;
    this.port = port;
  }

  /**
   * @param port 0 for any free one
   * @throws ListenError when the port is taken or the host is none of this machine's
   */
  static on(app: TemplatedApp, host: string, port: number): Promise<Listening> {
    return new Promise((resolve, reject) => {
      app.listen(host, port, (socket) => {
        if (socket) resolve(new Listening(app, us_socket_local_port(socket)));
        else
          reject(
            new ListenError(
              `can't listen on ${host}:${port}: another program has that port, or ${host} is no address of this machine; stop that program or choose another port`,
            ),
          );
      });
    });
  }

  /** Takes no new connection and ends every open one, at once. */
  close(): void {
    this.#app.close();
  }
}
