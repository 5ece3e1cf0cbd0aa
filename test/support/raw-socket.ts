import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export const Opcode = { CONTINUATION: 0, TEXT: 1, BINARY: 2, CLOSE: 8, PING: 9, PONG: 10 } as const;

export interface SocketClose {
  readonly code: number; // 1006 when the connection ended without a close frame
  readonly reason: string;
}

/** The server answered the handshake with something else. */
export class HandshakeRefused extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(`handshake refused with ${status}: ${body}`);
    this.status = status;
    this.body = body;
  }
}

/** A WebSocket client that can do what a proper one refuses to do: stop reading, send broken frames. */
export class RawSocket {
  readonly messages: string[] = [];
  readonly closed: Promise<SocketClose>;
  readonly #socket: Socket;
  #unread: Buffer;
  #onMessage: (() => void)[] = [];
  #close: (close: SocketClose) => void = () => {};
  #taken = 0;

  private constructor(socket: Socket, unread: Buffer) {
    this.#socket = socket;
    this.#unread = unread;
    this.closed = new Promise((resolve) => {
      this.#close = resolve;
    });
    socket.on('data', (chunk) => this.#read(chunk));
    socket.on('close', () => this.#end({ code: 1006, reason: '' }));
    socket.on('error', () => this.#end({ code: 1006, reason: '' }));
    this.#read(Buffer.alloc(0));
  }

  /** @throws HandshakeRefused */
  static open(port: number, path: string, headers: Readonly<Record<string, string>> = {}): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1');
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
      const key = randomBytes(16).toString('base64');
      socket.write(
        `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
          `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n${lines.join('')}\r\n`,
      );
      let received = Buffer.alloc(0);
      socket.on('error', reject);
      socket.on('data', function onData(chunk) {
        received = Buffer.concat([received, chunk]);
        const end = received.indexOf('\r\n\r\n');
        if (end < 0) return;
        const status = Number(/^HTTP\/1\.1 (\d+)/.exec(received.toString('latin1'))?.[1]);
        if (status === 101) {
          socket.removeAllListeners();
          resolve(new RawSocket(socket, received.subarray(end + 4)));
          return;
        }
        const length = Number(/content-length: (\d+)/i.exec(received.toString('latin1'))?.[1] ?? 0);
        if (received.byteLength < end + 4 + length) return;
        socket.destroy();
        reject(new HandshakeRefused(status, received.subarray(end + 4).toString()));
      });
    });
  }

  /** @returns the next message that was not taken yet, parsed */
  // biome-ignore lint/suspicious/noExplicitAny: messages are checked field by field where they are used
  async next(): Promise<any> {
    while (this.#taken >= this.messages.length) {
      await Promise.race([
        new Promise<void>((resolve) => this.#onMessage.push(resolve)),
        this.closed.then(({ code, reason }) => {
          if (this.#taken >= this.messages.length) throw new Error(`the socket was closed: ${code} ${reason}`);
        }),
      ]);
    }
    this.#taken += 1;
    return JSON.parse(this.messages[this.#taken - 1]!);
  }

  send(message: unknown): void {
    this.sendFrame(Opcode.TEXT, Buffer.from(typeof message === 'string' ? message : JSON.stringify(message)));
  }

  /** @param isFinal false begins or goes on with a message of several frames */
  sendFrame(opcode: number, payload: Buffer, isFinal = true): void {
    const mask = randomBytes(4);
    const masked = payload.map((byte, at) => byte ^ mask[at % 4]!);
    const size = payload.byteLength;
    const head = Buffer.alloc(size < 126 ? 2 : size < 65_536 ? 4 : 10);
    head[0] = (isFinal ? 128 : 0) | opcode;
    head[1] = 128 | (size < 126 ? size : size < 65_536 ? 126 : 127);
    if (head.byteLength === 4) head.writeUInt16BE(size, 2);
    if (head.byteLength === 10) head.writeBigUInt64BE(BigInt(size), 2);
    this.#socket.write(Buffer.concat([head, mask, masked]));
  }

  sendBytes(bytes: Buffer): void {
    this.#socket.write(bytes);
  }

  stopReading(): void {
    this.#socket.pause();
  }

  readOn(): void {
    this.#socket.resume();
  }

  /** Ends without a word. */
  destroy(): void {
    this.#socket.destroy();
  }

  #read(chunk: Buffer): void {
    this.#unread = Buffer.concat([this.#unread, chunk]);
    for (;;) {
      const frame = this.#unread;
      if (frame.byteLength < 2) return;
      const short = frame[1]! & 127;
      const headBytes = short === 126 ? 4 : short === 127 ? 10 : 2;
      if (frame.byteLength < headBytes) return;
      const size = short === 126 ? frame.readUInt16BE(2) : short === 127 ? Number(frame.readBigUInt64BE(2)) : short;
      if (frame.byteLength < headBytes + size) return;
      const payload = frame.subarray(headBytes, headBytes + size);
      this.#unread = frame.subarray(headBytes + size);
      this.#take(frame[0]! & 15, payload);
    }
  }

  #take(opcode: number, payload: Buffer): void {
    if (opcode === Opcode.PING) {
      this.sendFrame(Opcode.PONG, payload);
    } else if (opcode === Opcode.CLOSE) {
      const code = payload.byteLength >= 2 ? payload.readUInt16BE(0) : 1005;
      this.#end({ code, reason: payload.subarray(2).toString() });
      this.#socket.end();
    } else {
      this.messages.push(payload.toString());
      for (const resolve of this.#onMessage.splice(0)) resolve();
    }
  }

  #end(close: SocketClose): void {
    this.#close(close);
  }
}
