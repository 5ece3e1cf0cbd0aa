/** What the thread that times records is given: a workload's commands. */
export interface RecordsThreadData {
  readonly records: SharedArrayBuffer;
  readonly setupCount: number;
  readonly count: number;
  readonly turns: number; // over all commands, in each round
  readonly rounds: number;
}

export interface RecordTimes {
  readonly commands: number;
  readonly fieldSum: number;
  readonly emptyNs: number; // medians; ns per command, as all
  readonly encodeNs: number;
  readonly decodeNs: number;
  readonly bothNs: number; // encode a batch, decode it, and so on
  readonly aboveEmptyNs: number; // median of the differences in each round
  readonly noise: number; // both against both
}
