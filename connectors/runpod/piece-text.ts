/**
 * The text in a piece that a language model's handler has yielded: a text, `{text}`, vLLM's `{choices: [{tokens}]}`, a
 * chunk of OpenAI's protocol, or such chunks as server-sent events.
 * @returns undefined for anything else
 */
export function pieceText(piece: unknown): string | undefined {
  if (typeof piece === 'string') return piece.startsWith('data: ') ? fromEvents(piece) : piece;
  if (typeof piece !== 'object' || piece === null) return undefined;
  const { text, token, choices } = piece as { text?: unknown; token?: unknown; choices?: unknown };
  if (Array.isArray(choices)) {
    const texts = choices.map(choiceText);
    return texts.every((each) => each === undefined) ? undefined : texts.join('');
  }
  return joined(text) ?? joined(token);
}

function choiceText(choice: unknown): string | undefined {
  const { tokens, text, delta, message } = (choice ?? {}) as {
    tokens?: unknown;
    text?: unknown;
    delta?: { content?: unknown };
    message?: { content?: unknown };
  };
  // The last chunk of OpenAI's protocol has an empty delta.
  const content = delta === undefined ? message?.content : (delta.content ?? '');
  return joined(tokens) ?? joined(text) ?? joined(content);
}

function joined(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  return Array.isArray(value) && value.every((each) => typeof each === 'string') ? value.join('') : undefined;
}

function fromEvents(text: string): string | undefined {
  const events = text.split('\n').filter((line) => line.startsWith('data: ') && line !== 'data: [DONE]');
  try {
    return events.map((line) => pieceText(JSON.parse(line.slice(6))) ?? '').join('');
  } catch {
    return text;
  }
}
