/** Wire type 2: a length in bytes, then so many bytes. */
const lengthDelimited = 2;

/**
 * A protobuf message as the pieces it is laid together from, once, when it is complete. The library copies a payload at
 * each level of nesting; here tens of megabytes of numbers are copied once, straight from the caller's arrays.
 */
export class MessageParts {
  readonly #parts: Uint8Array[] = [];
  #byteLength = 0;

  /** Fields that are already encoded, by the library for one. */
  encoded(fields: Uint8Array): this {
    this.#parts.push(fields);
    this.#byteLength += fields.byteLength;
    return this;
  }

  /** A field of type `bytes`, written even when it is empty. */
  bytes(fieldNumber: number, value: Uint8Array): this {
    return this.encoded(toHeader(fieldNumber, value.byteLength)).encoded(value);
  }

  message(fieldNumber: number, message: MessageParts): this {
    this.encoded(toHeader(fieldNumber, message.#byteLength));
    for (const part of message.#parts) this.#parts.push(part);
    this.#byteLength += message.#byteLength;
    return this;
  }

  finish(): Uint8Array {
    // Every byte is written below. A buffer of its own: a slice of the shared pool would keep the pool alive.
    const whole = Buffer.allocUnsafeSlow(this.#byteLength);
    let offset = 0;
    for (const part of this.#parts) {
      whole.set(part, offset);
      offset += part.byteLength;
    }
    return whole;
  }
}

/** What stands before a length-delimited field: its tag and its length, as varints of seven bits a byte, lowest first. */
function toHeader(fieldNumber: number, byteLength: number): Uint8Array {
  const tag = (fieldNumber << 3) | lengthDelimited;
  const header = new Uint8Array(varintLength(tag) + varintLength(byteLength));
  writeVarint(header, writeVarint(header, 0, tag), byteLength);
  return header;
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) length++;
  return length;
}

/** The offset after what it wrote. */
function writeVarint(target: Uint8Array, offset: number, value: number): number {
  let rest = value;
  let at = offset;
  for (; rest > 0x7f; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80;
  target[at++] = rest;
  return at;
}
