import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { installSentence, missingPrograms } from '../../../main/services/server-programs.ts';

/**
 * Installs Debian's packages without starting their services, where nobody has decided about that yet: the tests start
 * instances of their own. Another run that installs at the same time is waited for.
 */
const INSTALL_SCRIPT = `
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  trap 'rm -f $policy' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > $policy && chmod 755 $policy
fi
export DEBIAN_FRONTEND=noninteractive
install() { apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends redis-server rabbitmq-server; }
install || { apt-get update && install; }
`;

/**
 * Run once before all tests: the servers that they start are there afterwards, or nothing runs.
 * @throws Error with one sentence that says what to install
 */
export default function installServers(): void {
  const missing = missingPrograms();
  if (missing.length === 0) return;
  const prefix = process.getuid?.() === 0 ? [] : ['sudo', '--non-interactive'];
  if (!existsSync('/usr/bin/apt-get')) throw new Error(installSentence(missing));
  console.log(`installing redis-server and rabbitmq-server, which the tests start: ${missing.join(', ')} not found`);
  const [program = '', ...args] = [...prefix, 'sh', '-c', INSTALL_SCRIPT];
  const { status, stdout, stderr, error } = spawnSync(program, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });
  if (status !== 0 || missingPrograms().length > 0)
    throw new Error(
      `${installSentence(missing)} Installing them here failed: ${error?.message ?? `${stdout}${stderr}`.slice(-1_000)}`,
    );
}
