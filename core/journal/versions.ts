/** Layout of frames and records on disk. Raised when an older program could no longer read what this one writes. */
export const FORMAT_VERSION = 1;

/**
 * Rules of the core: raised whenever the same commands would give other events than before. A program replays only what
 * it has the rules for, since replay is by input.
 */
export const BEHAVIOUR_VERSION = 1;

/** Layout of snapshot files around their sections, which have versions of their own. A newer one is not read. */
export const SNAPSHOT_FORMAT_VERSION = 1;
