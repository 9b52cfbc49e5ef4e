import { InvalidArgumentError, InvalidResponseError, TinkerError } from '../core/errors.ts';
import { parseJson } from '../http/responses.ts';
import type { Transport } from '../http/transport.ts';

export interface ChatMessage {
  role: string;
  content: string;
}

/** A model's tokenizer and chat template. */
export interface Tokenizer {
  /** Token ids of a text. Special tokens written out in the text become their own ids; none are added. */
  encode(text: string): Int32Array;
  /** The text of token ids; special tokens are left out unless asked for. */
  decode(tokens: Int32Array | readonly number[], options?: { keepSpecialTokens?: boolean }): string;
  /** Token ids of a conversation; `addGenerationPrompt` (default true) ends with the opening of the assistant's turn. */
  encodeChat(messages: readonly ChatMessage[], options?: { addGenerationPrompt?: boolean }): Int32Array;
}

export const publicHub = 'https://huggingface.co';

export interface TokenizersOptions {
  transport: Transport;
  /** Roots of model hubs, asked in this order; a 404 passes on to the next. */
  hubs: readonly string[];
  /** What to send to a hub: the key to the server itself, and to nobody else. */
  headersFor: (hub: string) => Promise<Record<string, string>>;
  requestTimeoutMs: number;
}

/** Tokenizers by model name, each fetched once from the first hub that has it. */
export class Tokenizers {
  readonly #options: TokenizersOptions;
  readonly #loaded = new Map<string, Promise<Tokenizer>>();

  constructor(options: TokenizersOptions) {
    this.#options = options;
  }

  /** Rejects with code `not_found` when no hub has the model. */
  get(tokenizerId: string): Promise<Tokenizer> {
    const known = this.#loaded.get(tokenizerId);
    if (known !== undefined) return known;
    const loading = this.#load(tokenizerId);
    this.#loaded.set(tokenizerId, loading);
    // A failure is not kept: the next call tries again.
    loading.catch(() => this.#loaded.delete(tokenizerId));
    return loading;
  }

  async #load(tokenizerId: string): Promise<Tokenizer> {
    for (const hub of this.#options.hubs) {
      const tokenizer = await this.#fetchJson(hub, tokenizerId, 'tokenizer.json');
      if (tokenizer === undefined) continue;
      const config = (await this.#fetchJson(hub, tokenizerId, 'tokenizer_config.json')) ?? {};
      const template = await this.#fetch(hub, tokenizerId, 'chat_template.jinja');
      return createTokenizer({ tokenizer, config, chatTemplate: template?.toString('utf8') });
    }
    const places = this.#options.hubs.join(', ');
    throw new TinkerError(
      'not_found',
      `no tokenizer for ${tokenizerId} at ${places}; pass one with the tokenizer option`,
    );
  }

  async #fetchJson(hub: string, model: string, file: string): Promise<object | undefined> {
    const body = await this.#fetch(hub, model, file);
    if (body === undefined) return undefined;
    const json = parseJson(body);
    if (typeof json === 'object' && json !== null) return json;
    throw new InvalidResponseError(`${file} of ${model} at ${hub} is no JSON`);
  }

  async #fetch(hub: string, model: string, file: string): Promise<Buffer | undefined> {
    const { transport, requestTimeoutMs, headersFor } = this.#options;
    const path = model.split('/').map(encodeURIComponent).join('/');
    let url = `${hub}/${path}/resolve/main/${file}`;
    let headers: Record<string, string> = await headersFor(hub);
    for (let hops = 0; hops < 5; hops++) {
      const response = await transport.send({ method: 'GET', url, headers, timeoutMs: requestTimeoutMs });
      const { status, body } = response;
      const location = response.headers['location'];
      if (status >= 300 && status < 400 && location !== undefined) {
        url = new URL(location, url).href;
        headers = {};
        continue;
      }
      if (status === 200) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      if (status === 404 || status === 401 || status === 405) return undefined;
      throw new InvalidResponseError(`${file} of ${model} at ${hub} answered ${status}`);
    }
    throw new InvalidResponseError(`${file} of ${model} at ${hub} redirects in circles`);
  }
}

/** A tokenizer from the files of a model hub. */
async function createTokenizer(files: {
  tokenizer: object;
  config: object;
  chatTemplate?: string | undefined;
}): Promise<Tokenizer> {
  // Loaded here, because most programs need no tokenizer.
  const [{ Tokenizer: HubTokenizer }, { Template }] = await Promise.all([
    import('@huggingface/tokenizers'),
    import('@huggingface/jinja'),
  ]);
  const hubTokenizer = new HubTokenizer(files.tokenizer, files.config);
  const source =
    files.chatTemplate ?? ('chat_template' in files.config ? files.config.chat_template : undefined);
  const template = typeof source === 'string' ? new Template(source) : undefined;
  const encode = (text: string): Int32Array =>
    Int32Array.from(hubTokenizer.encode(text, { add_special_tokens: false }).ids);
  return {
    encode,
    decode: (tokens, { keepSpecialTokens = false } = {}) =>
      hubTokenizer.decode(Array.from(tokens), { skip_special_tokens: !keepSpecialTokens }),
    encodeChat(messages, { addGenerationPrompt = true } = {}) {
      if (template === undefined) throw new InvalidArgumentError('this tokenizer has no chat template');
      return encode(template.render({ messages: [...messages], add_generation_prompt: addGenerationPrompt }));
    },
  };
}

/** Which tokenizer a model uses (wire-protocol 7.5): the server's word first, then the model's name. */
export function toTokenizerId(modelName: string, tokenizerId?: string | null): string {
  const own = tokenizerId?.split(':')[0];
  if (own) return own;
  const name = modelName.split(':')[0] ?? modelName;
  if (name.startsWith('meta-llama/Llama-3')) return 'thinkingmachineslabinc/meta-llama-3-instruct-tokenizer';
  return name.split('/').slice(0, 2).join('/');
}
