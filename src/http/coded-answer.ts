import { answer } from "./answer.ts";
import { type Coding, codingFor, codingHeaders, encode, encodeStream } from "./content-coding.ts";

/**
 * Makes an answer that is compressed where it is large and the client asks for that.
 *
 * @throws Problem `not-acceptable`
 */
export async function codedAnswer(
  request: Request,
  contentType: string,
  text: string,
  { Vary, ...headers }: Readonly<Record<string, string>> = {},
): Promise<Response> {
  const bytes = Buffer.from(text);
  const coding = codingFor(request, bytes.byteLength);
  const body = await encode(bytes, coding);
  return answer(contentType, body, 200, { ...headers, ...codingHeaders(coding, Vary) });
}

/** Makes an answer of a stream, which is compressed a part at a time. */
export function codedStream(
  coding: Coding,
  contentType: string,
  stream: ReadableStream<Uint8Array>,
  { Vary, ...headers }: Readonly<Record<string, string>>,
): Response {
  const body = encodeStream(stream, coding);
  return answer(contentType, body, 200, { ...headers, ...codingHeaders(coding, Vary) });
}
