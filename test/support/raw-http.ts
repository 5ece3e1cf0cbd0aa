import { connect } from 'node:net';

export interface RawAnswer {
  readonly status: number; // 0 when the connection ended without an answer
  readonly headers: string;
  readonly body: string;
}

/**
 * Sends bytes as they are and reads one answer, or until the server closes.
 * @param silenceMs after which a server that says nothing is taken to have answered nothing
 */
export function rawRequest(port: number, bytes: string | Buffer, silenceMs = 300): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const chunks: Buffer[] = [];
    const finish = (): void => {
      clearTimeout(timer);
      socket.destroy();
      const text = Buffer.concat(chunks).toString();
      const [headers = '', ...body] = text.split('\r\n\r\n');
      resolve({ status: Number(/^HTTP\/1\.1 (\d+)/.exec(headers)?.[1] ?? 0), headers, body: body.join('\r\n\r\n') });
    };
    let timer = setTimeout(finish, silenceMs);
    socket.on('connect', () => socket.write(bytes));
    socket.on('data', (chunk) => {
      chunks.push(chunk);
      clearTimeout(timer);
      timer = setTimeout(finish, 50);
    });
    socket.on('close', finish);
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'ECONNREFUSED') reject(error);
      else finish();
    });
  });
}
