/**
 * @file While libtensorflow is loaded, it writes to the terminal whatever its log level: that oneDNN is on, on a GPU that factories
 * are registered twice. This closes the terminal for that moment, by a few lines of C++ that are compiled with the add-on.
 */
import { existsSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { addonPath } from "./package";
import type { Runner } from "./run";

/** Name of the compiled file, beside the add-on in the cache and in the package. */
export const QUIET = "quiet.node";

const SOURCE = `
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

static int saved = -1;  // the terminal, while it is closed

static napi_value Close(napi_env, napi_callback_info) {
  int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere < 0) return nullptr;
  if (saved < 0) saved = fcntl(2, F_DUPFD_CLOEXEC, 3);
  if (saved >= 0) dup2(nowhere, 2);
  close(nowhere);
  return nullptr;
}

static napi_value Open(napi_env, napi_callback_info) {
  if (saved < 0) return nullptr;
  dup2(saved, 2);
  close(saved);
  saved = -1;
  return nullptr;
}

static void Export(napi_env env, napi_value exports, const char* name, napi_callback function) {
  napi_value value;
  napi_create_function(env, name, NAPI_AUTO_LENGTH, function, nullptr, &value);
  napi_set_named_property(env, exports, name, value);
}

NAPI_MODULE_INIT() {
  Export(env, exports, "close", Close);
  Export(env, exports, "open", Open);
  return exports;
}
`;

/** Compiles it into the folder of the engine. Without it all works, with more words on the terminal; so a failure is no error. */
export async function buildQuiet(
  compiler: string,
  { headers, engine, runner }: { readonly headers: string; readonly engine: string; readonly runner: Runner },
): Promise<void> {
  const file = join(engine, QUIET);
  const source = join(engine, "quiet.cc");
  writeFileSync(source, SOURCE);
  const [command, ...own] = compiler.split(/\s+/);
  const partial = `${file}.partial`;
  const args = [...own, "-O1", "-shared", "-fPIC", "-DNAPI_VERSION=8", "-I", headers, source, "-o", partial];
  if ((await runner(command!, args)).code === 0) renameSync(partial, file);
  rmSync(source);
}

/** Does `work` while the terminal's error channel is closed, where that is built and the user has not asked for libtensorflow's log. */
export function quietly<T>(packageFolder: string, work: () => T): T {
  const file = join(dirname(addonPath(packageFolder)), QUIET);
  if (!existsSync(file) || Number(process.env.TF_CPP_MIN_LOG_LEVEL) < 2) return work();
  const terminal = require(file) as { close(): void; open(): void };
  terminal.close();
  try {
    return work();
  } finally {
    terminal.open();
  }
}
