import { type Credentials, nextNonce, signedHeaders } from '../../test/support/signed-client.ts';

/** Signed requests as the bytes of HTTP, ready to be written to a socket. */
export class SignedRequests {
  readonly #credentials: Credentials;

  constructor(credentials: Credentials) {
    this.#credentials = credentials;
  }

  sign(path: string, fields: object): string {
    const headers = signedHeaders(this.#credentials, { request: path, nonce: nextNonce(), ...fields });
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n${lines.join('')}\r\n`;
  }
}
