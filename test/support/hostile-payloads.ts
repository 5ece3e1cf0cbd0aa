import type { RandomIntegers } from './random-integers.ts';

/** JSON texts that a number, name or structure can be replaced by to upset a careless reader. */
const ODD_VALUES: readonly string[] = [
  '1e309',
  '-1e309',
  '-0',
  '"-0"',
  '0',
  `${'9'.repeat(400)}`,
  `"${'9'.repeat(400)}"`,
  `0.${'0'.repeat(400)}1`,
  '"0x10"',
  '"1e5"',
  '"NaN"',
  '"Infinity"',
  '" 1"',
  '""',
  'null',
  'true',
  '[]',
  '{}',
  '{"__proto__":{"admin":true}}',
  '[[[[[[]]]]]]',
  '"\\u0000"',
  '"\\ud800"',
  '"__proto__"',
  '"constructor"',
  '"toString"',
  `"${'x'.repeat(3_000)}"`,
  '"\\u202e"',
  '"nosuchusd"',
  '9007199254740993',
  '"9223372036854775808"',
  '"18446744073709551616"',
];
const ODD_NAMES = ['__proto__', 'constructor', 'hasOwnProperty', '', 'options', 'account', 'stop_price', 'order_id'];

/** What is no JSON object of sensible size at all. */
export const BROKEN_PAYLOADS: readonly (readonly [name: string, payload: Buffer])[] = [
  ['nothing', Buffer.from('')],
  ['half an object', Buffer.from('{"request":"/v1/order/new"')],
  ['bad UTF-8', Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d])],
  ['an overlong encoding', Buffer.from([0x22, 0xc0, 0xaf, 0x22])],
  ['a byte order mark', Buffer.concat([Buffer.from([0xef, 0xbb, 0xbf]), Buffer.from('{}')])],
  ['UTF-16', Buffer.from('{"request":"/v1/order/new"}', 'utf16le')],
  ['brackets 1,500 deep', Buffer.from('['.repeat(1_500))],
  ['objects 500 deep', Buffer.from(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`)],
  ['a list', Buffer.from('[1,2,3]')],
  ['a number', Buffer.from('1e309')],
  ['a NUL', Buffer.from('\0')],
];

/**
 * @param fields a valid request's, as JSON texts by name
 * @returns the same as JSON text, with one to three fields made odd, left out, doubled or added
 */
export function oddJson(fields: Readonly<Record<string, string>>, random: RandomIntegers): string {
  const entries = Object.entries(fields);
  for (let change = random.between(1, 3); change > 0; change--) {
    const at = random.below(entries.length);
    const name = entries[at]![0];
    const act = random.below(8);
    if (act === 0) entries.splice(at, 1);
    else if (act === 1) entries.push([name, random.oneOf(ODD_VALUES)]);
    else if (act === 2) entries.push([random.oneOf(ODD_NAMES), random.oneOf(ODD_VALUES)]);
    else entries[at] = [name, random.oneOf(ODD_VALUES)];
    if (entries.length === 0) break;
  }
  return `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${value}`).join(',')}}`;
}
