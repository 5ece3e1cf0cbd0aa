import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort, startOnFreePorts } from './free-ports.ts';
import { firstAnswer, ServerProcess } from './server-process.ts';
import { epmdProgram, rabbitmqServerProgram } from './server-programs.ts';

export interface PrivateRabbitmqSettings {
  /** Its own: what it persists and logs, its cookie and its configuration. */
  readonly folder: string;
  /** Any free ones when left out. A later start over the same folder may have others. */
  readonly ports?: RabbitmqPorts;
  /** Settings of the broker's own application that its configuration file has no words for, such as channel_tick_interval. */
  readonly brokerSettings?: Readonly<Record<string, number>>;
}

export interface RabbitmqPorts {
  readonly amqp: number;
  readonly distribution: number;
  readonly epmd: number;
}

const START_TIMEOUT_MS = 180_000; // a loaded machine may take long
const STOP_TIMEOUT_MS = 20_000;
/** Always the same, since its data belong to that name; brokers with an epmd of their own each do not meet. */
const NODE_NAME = 'ringbook@localhost';
const PROTOCOL_HEADER = Uint8Array.of(0x41, 0x4d, 0x51, 0x50, 0, 0, 9, 1); // 'AMQP', 0-9-1
const METHOD_FRAME = 1;
/** epmd asks for names: two bytes of length, then 'n'. It answers with its port. */
const EPMD_NAMES = Uint8Array.of(0, 1, 0x6e);

/** A broker of this process on the loopback address, with an epmd of its own, which would outlive it otherwise. */
export class PrivateRabbitmq {
  readonly folder: string;
  readonly ports: RabbitmqPorts;
  readonly #epmd: ServerProcess;
  readonly #broker: ServerProcess;

  private constructor(folder: string, ports: RabbitmqPorts, epmd: ServerProcess, broker: ServerProcess) {
    this.folder = folder;
    this.ports = ports;
    this.#epmd = epmd;
    this.#broker = broker;
  }

  /** @throws ServerMissingError, ServerStartError */
  static async start(settings: PrivateRabbitmqSettings): Promise<PrivateRabbitmq> {
    const { folder, ports: given, brokerSettings = {} } = settings;
    mkdirSync(folder, { recursive: true });
    const startOn = async (ports: RabbitmqPorts): Promise<PrivateRabbitmq> => {
      const epmd = await startEpmd(folder, ports.epmd);
      try {
        return new PrivateRabbitmq(folder, ports, epmd, await startBroker(folder, ports, brokerSettings));
      } catch (error) {
        await epmd.kill();
        throw error;
      }
    };
    if (given !== undefined) return startOn(given);
    return startOnFreePorts(async () =>
      startOn({ amqp: await freePort(), distribution: await freePort(), epmd: await freePort() }),
    );
  }

  get url(): string {
    return `amqp://guest:guest@127.0.0.1:${this.ports.amqp}`;
  }

  /** Of the broker, then of its epmd. */
  get pids(): readonly number[] {
    return [this.#broker.pid, this.#epmd.pid];
  }

  /** @returns once the broker is gone, by itself or not */
  get exited(): Promise<void> {
    return this.#broker.exited;
  }

  /** SIGSTOP and SIGCONT make a broker that hangs, and one that comes back. */
  signal(signal: NodeJS.Signals): void {
    this.#broker.signal(signal);
  }

  async stop(): Promise<void> {
    await this.#broker.stop();
    await this.#epmd.stop();
  }

  async kill(): Promise<void> {
    await this.#broker.kill();
    await this.#epmd.kill();
  }
}

function startEpmd(folder: string, port: number): Promise<ServerProcess> {
  return ServerProcess.start({
    name: 'epmd',
    program: epmdProgram(), // without -daemon it stays in the foreground, where it can be ended
    args: ['-port', String(port), '-address', '127.0.0.1'],
    environment: { PATH: process.env.PATH ?? '' },
    folder,
    logPath: join(folder, 'epmd.log'),
    isReady: async () => (await firstAnswer(port, EPMD_NAMES)) !== null,
    startTimeoutMs: START_TIMEOUT_MS,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  });
}

function startBroker(
  folder: string,
  ports: RabbitmqPorts,
  brokerSettings: Readonly<Record<string, number>>,
): Promise<ServerProcess> {
  const at = (name: string): string => join(folder, name);
  writeFileSync(at('enabled_plugins'), '[].\n');
  writeFileSync(at('rabbitmq.conf'), 'disk_free_limit.absolute = 50MB\n');
  return ServerProcess.start({
    name: 'rabbitmq-server',
    program: rabbitmqServerProgram(),
    args: [],
    environment: {
      PATH: process.env.PATH ?? '',
      HOME: folder, // its cookie is made there
      LC_ALL: 'C.UTF-8',
      ERL_EPMD_PORT: String(ports.epmd),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      RABBITMQ_NODENAME: NODE_NAME,
      RABBITMQ_NODE_IP_ADDRESS: '127.0.0.1',
      RABBITMQ_NODE_PORT: String(ports.amqp),
      RABBITMQ_DIST_PORT: String(ports.distribution),
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
        '-kernel inet_dist_use_interface {127,0,0,1}',
        ...Object.entries(brokerSettings).map(([name, value]) => `-rabbit ${name} ${value}`),
      ].join(' '),
      RABBITMQ_MNESIA_BASE: at('mnesia'),
      RABBITMQ_LOG_BASE: at('log'),
      RABBITMQ_PID_FILE: at('rabbitmq.pid'),
      RABBITMQ_ENABLED_PLUGINS_FILE: at('enabled_plugins'),
      RABBITMQ_CONFIG_FILE: at('rabbitmq.conf'),
    },
    folder,
    logPath: at('rabbitmq.log'),
    isReady: async () => (await firstAnswer(ports.amqp, PROTOCOL_HEADER))?.at(0) === METHOD_FRAME,
    startTimeoutMs: START_TIMEOUT_MS,
    stopTimeoutMs: STOP_TIMEOUT_MS,
  });
}
