/** Floating-point formats of 8 and 16 bits that weight files hold. JavaScript has none of them. */
type PackedFloat = keyof typeof formats;

/** The formats that numbers can be rounded to: `f8_e8m0` holds bare powers of two (scales) and is only read. */
export type RoundedFloat = Exclude<PackedFloat, "f8_e8m0">;

export const isRoundedFloat = (name: string): name is RoundedFloat => Object.hasOwn(encoders, name);

/**
 * `special` is the first magnitude code that is no finite number: infinity where `hasInfinity`, else NaN, and what a
 * value that is too large becomes. The `fnuz` formats have one zero and one NaN, the code of a negative zero.
 */
interface Format {
  readonly bits: 8 | 16;
  readonly mantissa: number;
  readonly bias: number;
  readonly special: number;
  readonly nan: number;
  readonly hasInfinity: boolean;
}

const formats = {
  f16: { bits: 16, mantissa: 10, bias: 15, special: 0x7c00, nan: 0x7e00, hasInfinity: true },
  bf16: { bits: 16, mantissa: 7, bias: 127, special: 0x7f80, nan: 0x7fc0, hasInfinity: true },
  f8_e4m3: { bits: 8, mantissa: 3, bias: 7, special: 0x7f, nan: 0x7f, hasInfinity: false },
  f8_e5m2: { bits: 8, mantissa: 2, bias: 15, special: 0x7c, nan: 0x7e, hasInfinity: true },
  f8_e4m3fnuz: { bits: 8, mantissa: 3, bias: 8, special: 0x80, nan: 0x80, hasInfinity: false },
  f8_e5m2fnuz: { bits: 8, mantissa: 2, bias: 16, special: 0x80, nan: 0x80, hasInfinity: false },
  f8_e8m0: { bits: 8, mantissa: 0, bias: 127, special: 0xff, nan: 0xff, hasInfinity: false },
} as const satisfies { readonly [name: string]: Format };

const signBit = (format: Format): number => 1 << (format.bits - 1);
/** Zero and NaN have no sign. */
const unsignedZero = (format: Format): boolean => format.special === signBit(format);

/** The number that a code stands for, exactly; every NaN code gives NaN. */
export function decodeFloat(name: PackedFloat, code: number): number {
  const format: Format = formats[name];
  if (name === "f8_e8m0") return code === format.special ? Number.NaN : 2 ** (code - format.bias);
  if (unsignedZero(format) && code === format.nan) return Number.NaN;
  const magnitude = code & (signBit(format) - 1);
  const sign = code === magnitude ? 1 : -1;
  if (magnitude >= format.special) {
    return format.hasInfinity && magnitude === format.special ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  }
  const exponent = magnitude >> format.mantissa;
  const fraction = magnitude & ((1 << format.mantissa) - 1);
  const significand = exponent === 0 ? fraction : fraction + (1 << format.mantissa);
  return sign * significand * 2 ** (Math.max(exponent, 1) - format.bias - format.mantissa);
}

/** The largest finite number of 16 bits. */
export const largestHalf = 65_504;

/** The code nearest to a number, ties to the even code; what is too large becomes infinity, or NaN where there is none. */
export const encodeFloat = (name: RoundedFloat, value: number): number => encoders[name](value);

/** The codes of a packed format as float32, exactly. */
export function widen(name: PackedFloat, codes: Uint16Array | Uint8Array): Float32Array {
  const table = decodeTable(name);
  const out = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = table[codes[i] ?? 0] ?? 0;
  return out;
}

/** The codes nearest to numbers, each rounded once from the carrier's precision. Two bytes per element for 16 bits, else one. */
export function narrow(name: RoundedFloat, values: Float32Array | Float64Array): Uint16Array | Uint8Array {
  const format: Format = formats[name];
  if (format.bits === 16 && values instanceof Float32Array) return narrowSingles(format, values);
  const encode = encoders[name];
  const out = format.bits === 16 ? new Uint16Array(values.length) : new Uint8Array(values.length);
  for (let i = 0; i < values.length; i++) out[i] = encode(values[i] ?? 0);
  return out;
}

/**
 * float32 to a 16-bit format by integers, three times as fast as number by number. Rebiasing the exponent field and
 * dropping `shift` bits of the mantissa gives the code; adding half a unit first, less one where the kept part is even,
 * rounds to nearest even. Below the least normal number the code counts steps of the least subnormal.
 */
function narrowSingles(format: Format, values: Float32Array): Uint16Array {
  const fields = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const out = new Uint16Array(values.length);
  const shift = 23 - format.mantissa;
  const rebias = (127 - format.bias) << 23;
  const half = (1 << (shift - 1)) - 1;
  const normal = (128 - format.bias) << 23;
  const perStep = 2 ** (format.bias - 1 + format.mantissa);
  const { nan, special } = format;
  for (let i = 0; i < fields.length; i++) {
    const field = fields[i] ?? 0;
    const magnitude = field & 0x7fffffff;
    if (magnitude > 0x7f800000) {
      out[i] = nan;
    } else {
      const code =
        magnitude >= normal
          ? Math.min((magnitude - rebias + half + ((magnitude >>> shift) & 1)) >>> shift, special)
          : Math.abs(values[i] ?? 0) * perStep + INTEGERS - INTEGERS;
      out[i] = code | ((field >>> 16) & 0x8000);
    }
  }
  return out;
}

const decodeTables = new Map<PackedFloat, Float32Array>();

function decodeTable(name: PackedFloat): Float32Array {
  const known = decodeTables.get(name);
  if (known !== undefined) return known;
  const table = Float32Array.from({ length: 1 << formats[name].bits }, (_, code) => decodeFloat(name, code));
  decodeTables.set(name, table);
  return table;
}

const carrier = new Float64Array(1);
const words = new Uint32Array(carrier.buffer);
/** Adding and subtracting 2^52 rounds a smaller non-negative double to an integer, ties to even. */
const INTEGERS = 2 ** 52;

/**
 * With e = max(floor(log2 |x|), least normal exponent), a format's numbers near x are the multiples of 2^(e - mantissa).
 * |x| over that step is exact, and the rounded multiple plus (e - least) << mantissa is the code: a carry out of the
 * mantissa runs into the exponent by itself, and below the least normal number the multiple alone is the code.
 */
function encoder(format: Format): (value: number) => number {
  const least = 1 - format.bias;
  const binades = ((format.special - 1) >> format.mantissa) - 1;
  const perStep = Float64Array.from({ length: binades + 1 }, (_, i) => 2 ** (format.mantissa - least - i));
  const sign = signBit(format);
  const zero = unsignedZero(format) ? 0 : sign;
  return (value) => {
    carrier[0] = value;
    const high = words[1] ?? 0;
    const exponent = ((high >>> 20) & 0x7ff) - 1023;
    const negative = high >>> 31 === 1;
    if (exponent === 1024 && value !== value) return format.nan;
    const step = exponent < least ? 0 : exponent - least;
    if (step > binades) return negative ? format.special | sign : format.special;
    const multiple = Math.abs(value) * (perStep[step] ?? 0) + INTEGERS - INTEGERS;
    const code = Math.min((step << format.mantissa) + multiple, format.special);
    if (!negative) return code;
    return code === 0 ? zero : code | sign;
  };
}

const encoders: { readonly [F in RoundedFloat]: (value: number) => number } = {
  f16: encoder(formats.f16),
  bf16: encoder(formats.bf16),
  f8_e4m3: encoder(formats.f8_e4m3),
  f8_e5m2: encoder(formats.f8_e5m2),
  f8_e4m3fnuz: encoder(formats.f8_e4m3fnuz),
  f8_e5m2fnuz: encoder(formats.f8_e5m2fnuz),
};
