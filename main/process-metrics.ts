import { Counter, Gauge, Registry } from 'prom-client';

/** Metrics of one process in the format of Prometheus, its own size and work among them. Names get `ringbook_` in front. */
export class ProcessMetrics {
  readonly #registry = new Registry();
  readonly #residentBytes = this.gauge('process_resident_bytes', 'Resident memory');
  readonly #heapBytes = this.gauge('process_heap_bytes', "Used bytes of the main thread's heap");
  readonly #processorSeconds = this.counter('process_cpu_seconds_total', 'Processor time, user and system');

  gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name: `ringbook_${name}`, help, labelNames, registers: [this.#registry] });
  }

  counter(name: string, help: string, labelNames: string[] = []): Counter {
    return new Counter({ name: `ringbook_${name}`, help, labelNames, registers: [this.#registry] });
  }

  /** @returns everything as it was last set, and the process as it is now */
  text(): Promise<string> {
    const { rss, heapUsed } = process.memoryUsage();
    this.#residentBytes.set(rss);
    this.#heapBytes.set(heapUsed);
    const { user, system } = process.cpuUsage();
    setTotal(this.#processorSeconds, (user + system) / 1e6);
    return this.#registry.metrics();
  }
}

/** The counts are kept where things happen; a counter of the library can only be added to. */
export function setTotal(counter: Counter, total: number): void {
  counter.reset();
  counter.inc(total);
}
