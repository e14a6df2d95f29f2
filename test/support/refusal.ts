/** @file What a refused call says: `assert.match(await refusal(open("x")), /FormatError: …/)`. */

/** The error as text; a call that succeeds gives a text that no test looks for. */
export async function refusal(call: Promise<unknown>): Promise<string> {
  return call.then(() => "it was not refused", String);
}
