import type { SandboxFile } from './exchange-process.ts';
import type { Answer, Credentials } from './signed-client.ts';

/** One call of the admin port, with its token. */
export async function adminPost({ adminUrl, adminToken }: SandboxFile, path: string, input: object): Promise<Answer> {
  const response = await fetch(adminUrl + path, {
    method: 'POST',
    headers: { Authorization: `Bearer ${adminToken}`, Connection: 'close' },
    body: JSON.stringify(input),
  });
  return { status: response.status, body: await response.json() };
}

/** Keys of their own for clients that act at the same time: each key's nonces rise by themselves. */
export async function createKeys(
  sandbox: SandboxFile,
  account: string,
  count: number,
  roles = ['trader'],
): Promise<Credentials[]> {
  const answers = Array.from({ length: count }, () => adminPost(sandbox, '/keys', { account, roles }));
  return (await Promise.all(answers)).map(({ status, body }) => {
    if (status !== 200) throw new Error(`no key was made: ${JSON.stringify(body)}`);
    return { key: body.key, secret: body.secret };
  });
}
