// Figures as the service gave them. Numbers are worked on as decimal text, never as binary fractions: page, API and report show the same digits.

/** The shortest decimal text of a number, without an exponent. */
function plain(value) {
  const text = String(value);
  const [, sign, whole, part = '', exponent] = /^(-?)(\d+)(?:\.(\d*))?(?:e([+-]\d+))?$/i.exec(text) || [];
  if (whole === undefined) return null;
  return { sign, ...shifted(whole, part, Number(exponent || 0)) };
}

function shifted(whole, part, by) {
  if (by >= 0) return { whole: (whole + part.slice(0, by).padEnd(by, '0')).replace(/^0+(?=\d)/, ''), part: part.slice(by) };
  const all = whole.padStart(1 - by, '0');
  return { whole: all.slice(0, by).replace(/^0+(?=\d)/, '') || '0', part: all.slice(by) + part };
}

const grouped = (whole) => whole.replace(/\B(?=(\d{3})+$)/g, ',');

/** A figure with thousands separators and at least so many decimals; none of its digits is dropped. */
export function decimal(value, digits = 2) {
  if (value === null || value === undefined || value === '') return '–';
  const number = plain(value);
  if (!number) return String(value);
  const part = number.part.padEnd(digits, '0');
  return number.sign + grouped(number.whole) + (part ? `.${part}` : '');
}

/** Decimal text of a figure, rounded half away from zero. */
export function rounded(value, digits = 2) {
  const number = value === null || value === undefined ? null : plain(value);
  if (!number) return rounded(0, digits);
  const kept = (BigInt(number.whole + number.part.slice(0, digits).padEnd(digits, '0')) + (number.part.charAt(digits) >= '5' ? 1n : 0n)).toString().padStart(digits + 1, '0');
  return `${/[1-9]/.test(kept) ? number.sign : ''}${kept.slice(0, kept.length - digits)}${digits ? `.${kept.slice(-digits)}` : ''}`;
}

/** A share (0.0421) in percent, rounded half away from zero. */
export function percent(value, digits = 2) {
  const number = value === null || value === undefined ? null : plain(value);
  if (!number) return '–';
  const { whole, part } = shifted(number.whole, number.part, 2);
  return `${decimal(rounded(`${number.sign}${whole}.${part}`, digits), digits)} %`;
}

/** A count. */
export const count = (value) => decimal(value, 0);

/** The sum of areas, each of two decimals, exactly. */
export function sum(values) {
  const total = values.reduce((all, value) => all + BigInt(rounded(value).replace('.', '')), 0n);
  const text = (total < 0n ? -total : total).toString().padStart(3, '0');
  return `${total < 0n ? '-' : ''}${text.slice(0, -2)}.${text.slice(-2)}`;
}
