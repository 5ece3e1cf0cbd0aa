import { connect, type Socket } from 'node:net';

const READ_BYTES = 256 * 1024;
const SIZES_KEPT = 3; // the first message, and the two of a turn
const TEXT = 1;
/** Pings and heartbeats are shorter: a clock sends them, so they are not counted. */
const LEAST_BYTES = 64;
/** One buffer for all sockets: what it holds is looked at before the next one is read. */
const shared = Buffer.allocUnsafe(READ_BYTES);

/** A WebSocket client that counts texts of LEAST_BYTES or more, as cheaply as it can be done here. */
export class CountingSocket {
  messages = 0;
  hash = 0; // of all payloads but the first, when asked for
  readonly sizes: number[] = []; // bytes of the first messages' payloads
  readonly #hashes: boolean;
  #socket: Socket | null = null;
  #head = Buffer.alloc(0); // a frame's header that was cut
  #left = 0; // bytes of the current payload that are still to come
  #isCounted = false; // whether the current payload is a message
  #isOpen = false;
  #opened = Promise.withResolvers<void>();
  #isClosing = false;

  private constructor(hashes: boolean) {
    this.#hashes = hashes;
  }

  /** @returns once the first message is there */
  static async open(port: number, path: string, subscribe: string, hashes: boolean): Promise<CountingSocket> {
    const counting = new CountingSocket(hashes);
    const socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer: shared,
        callback: (bytes: number) => {
          counting.#take(shared.subarray(0, bytes), subscribe);
          return true;
        },
      },
    });
    counting.#socket = socket;
    socket.on('error', (error) => counting.#opened.reject(error));
    socket.on('close', () => {
      if (!counting.#isClosing) throw new Error(`a reader was cut off after ${counting.messages} messages`);
    });
    socket.write(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    );
    await counting.#opened.promise;
    return counting;
  }

  close(): void {
    this.#isClosing = true;
    this.#socket?.destroy();
  }

  #take(chunk: Buffer, subscribe: string): void {
    if (this.#isOpen) {
      this.#count(chunk);
      return;
    }
    this.#head = Buffer.concat([this.#head, chunk]);
    const end = this.#head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!this.#head.toString('latin1').startsWith('HTTP/1.1 101'))
      throw new Error(`not a WebSocket: ${this.#head.toString('latin1', 0, 200)}`);
    const rest = this.#head.subarray(end + 4);
    this.#head = Buffer.alloc(0);
    this.#isOpen = true;
    if (subscribe !== '') this.#socket!.write(maskedText(subscribe));
    this.#count(rest);
  }

  /** Takes frames as a server sends them: unmasked and whole, their payload's size in 1, 2 or 8 bytes. */
  #count(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#head.length > 0) {
      bytes = Buffer.concat([this.#head, chunk]);
      this.#head = Buffer.alloc(0);
    }
    let at = 0;
    while (at < bytes.length) {
      if (this.#left > 0) {
        const taken = Math.min(this.#left, bytes.length - at);
        if (this.#hashes && this.#isCounted && this.messages > 0) this.#mix(bytes, at, at + taken);
        this.#left -= taken;
        at += taken;
        if (this.#left === 0 && this.#isCounted) this.#counted();
        continue;
      }
      const code = bytes[at + 1]! & 127;
      const headBytes = code === 126 ? 4 : code === 127 ? 10 : 2;
      if (bytes.length - at < headBytes) {
        this.#head = Buffer.from(bytes.subarray(at));
        return;
      }
      this.#left =
        code === 126 ? bytes.readUInt16BE(at + 2) : code === 127 ? Number(bytes.readBigUInt64BE(at + 2)) : code;
      this.#isCounted = (bytes[at]! & 15) === TEXT && this.#left >= LEAST_BYTES;
      if (this.#isCounted && this.sizes.length < SIZES_KEPT) this.sizes.push(this.#left);
      at += headBytes;
    }
  }

  #counted(): void {
    this.messages += 1;
    if (this.messages === 1) this.#opened.resolve();
  }

  #mix(bytes: Buffer, from: number, to: number): void {
    let hash = this.hash;
    for (let at = from; at < to; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
    this.hash = hash;
  }
}

/** A text frame as a client must send it; the mask may be zero. */
function maskedText(text: string): Buffer {
  const payload = Buffer.from(text);
  if (payload.length > 125) throw new Error(`${payload.length} bytes: this client sends short texts only`);
  return Buffer.concat([Buffer.from([0x81, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}
