/** Bytes of one slot: the unit of rings, and of the payload of journal and event log. One cache line pair. */
export const SLOT_BYTES = 128;
const WORDS = 128 / 8; // of its own: an exported name is loaded anew at every use

/**
 * Typed windows over one buffer of slots. Fields are read and written by byte offset through the array of their type:
 * about four times faster than a DataView, and every offset is a multiple of its field's size. Little-endian, as is
 * every machine that Node 22 runs on (checked below).
 */
export class RecordWindow {
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly i32: Int32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  readonly i64: BigInt64Array;

  /**
   * @param buffer of slots
   * @param offsetBytes where the first slot begins, a multiple of 8
   * @param lengthBytes a multiple of SLOT_BYTES
   */
  constructor(buffer: ArrayBufferLike, offsetBytes = 0, lengthBytes = buffer.byteLength - offsetBytes) {
    this.u8 = new Uint8Array(buffer, offsetBytes, lengthBytes);
    this.u16 = new Uint16Array(buffer, offsetBytes, lengthBytes >> 1);
    this.i32 = new Int32Array(buffer, offsetBytes, lengthBytes >> 2);
    this.u32 = new Uint32Array(buffer, offsetBytes, lengthBytes >> 2);
    this.f64 = new Float64Array(buffer, offsetBytes, lengthBytes >> 3);
    this.i64 = new BigInt64Array(buffer, offsetBytes, lengthBytes >> 3);
  }

  /** Zeroes one slot: writers do so first, so that reserved bytes are zero in every record. */
  clearSlot(offsetBytes: number): void {
    const { f64 } = this;
    const first = offsetBytes >> 3;
    for (let number = first; number < first + WORDS; number++) f64[number] = 0; // a call of fill costs more than this
  }
}

if (new Uint8Array(Uint32Array.of(1).buffer)[0] !== 1)
  throw new Error('ringbook needs a little-endian machine: its records are read in place');
