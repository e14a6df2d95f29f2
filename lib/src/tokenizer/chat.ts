/** @file A conversation as the text that a chat model was trained on: renders chat templates, which are Jinja, by @huggingface/jinja. It makes no ids. */

/** One turn of a conversation. */
export interface Message {
  /** "system", "user" or "assistant"; a template may know others. */
  readonly role: string;
  readonly content: string;
}

/** How a conversation is rendered. */
export interface ChatOptions {
  /** Ends it with the start of an answer. Default false. */
  readonly addGenerationPrompt?: boolean;
  /** What the template may ask for beside, as `{ enable_thinking: false }` for Qwen3. */
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** Gives a conversation as text. */
export type ChatTemplate = (messages: readonly Message[], options?: ChatOptions) => string;

/** The package's own strftime_now names months in the machine's language. What follows a block loses its line break, hence the print. */
const PREAMBLE = "{% set strftime_now = english_date %}{{ '' }}";

/**
 * Reads a template. `tokens` are what it names `bos_token`, `eos_token` and the like; `where` says in errors whose it is. As in
 * transformers, `tools` and `documents` are none, `raise_exception` refuses a conversation and `strftime_now` gives the date.
 */
export async function chatTemplate(
  source: string,
  tokens: Readonly<Record<string, string>>,
  where: string,
): Promise<ChatTemplate> {
  const { Template } = await import("@huggingface/jinja");
  let template: InstanceType<typeof Template> | undefined;
  return (messages, { addGenerationPrompt = false, variables = {} } = {}) => {
    try {
      template ??= new Template(PREAMBLE + source); // now: a tokenizer whose template cannot be read is still a tokenizer
      return template.render({
        ...tokens,
        tools: null,
        documents: null,
        english_date: (format: string) => strftime(new Date(), format),
        ...variables,
        messages,
        add_generation_prompt: addGenerationPrompt,
      });
    } catch (cause) {
      const roles = messages.map(({ role }) => role).join(", ");
      throw new Error(
        `The chat template of ${where} does not take this conversation (${roles || "no messages"}): ${(cause as Error).message}`,
        { cause },
      );
    }
  };
}

/**
 * A date by a format of Python's `strftime`, in English whatever the machine speaks: the model learnt English names.
 * Throws a RangeError for a letter that no template is known to use.
 */
export function strftime(date: Date, format: string): string {
  const word = (options: Intl.DateTimeFormatOptions): string => date.toLocaleDateString("en-US", options);
  const two = (value: number): string => String(value).padStart(2, "0");
  const letters: Readonly<Record<string, () => string>> = {
    Y: () => String(date.getFullYear()),
    m: () => two(date.getMonth() + 1),
    d: () => two(date.getDate()),
    B: () => word({ month: "long" }),
    b: () => word({ month: "short" }),
    A: () => word({ weekday: "long" }),
    a: () => word({ weekday: "short" }),
    H: () => two(date.getHours()),
    M: () => two(date.getMinutes()),
    S: () => two(date.getSeconds()),
    "%": () => "%",
  };
  return format.replace(/%(.)/gsu, (_, letter: string) => {
    const write = letters[letter];
    if (!write) throw new RangeError(`strftime_now() knows ${Object.keys(letters).join(" ")}, but found %${letter}`);
    return write();
  });
}
