import { pino } from 'pino';
import type { Configuration } from './configuration.ts';
import { endFatally, stopOnSignal } from './process-end.ts';
import { requireServers } from './split-servers.ts';
import { WorkerProcess } from './worker-process.ts';
import type { WorkerRole } from './worker-roles.ts';

/** `ringbook workers` and `ringbook scheduler`: until SIGTERM or SIGINT. @throws ConfigurationError */
export async function runWorkers(
  configuration: Configuration,
  roles: readonly WorkerRole[],
  isScheduler: boolean,
): Promise<void> {
  const servers = requireServers(configuration);
  const logger = pino({ level: configuration.logLevel }, pino.destination({ dest: 2, sync: true }));
  const name = isScheduler ? 'the scheduler' : `workers (${roles.join(', ')})`;
  const worker = await WorkerProcess.open(
    { configuration, ...servers, roles, isScheduler },
    { logger, onProgress: console.log, onFatal: (error) => endFatally(name, error, logger) },
  );
  const metricsUrl = await worker.listen(configuration, logger);
  stopOnSignal(name, () => worker.stop(), logger);
  if (metricsUrl !== null) console.log(`metrics: ${metricsUrl}`);
  console.log(`ringbook ${isScheduler ? 'scheduler is ready, with' : 'workers are ready:'} ${roles.join(', ')}`);
}
