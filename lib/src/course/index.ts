/** @file The public names of `gptlab/course`: what a chapter imports besides the library. Importing it makes long work show a progress bar. */
import { setProgressReporter } from "../progress";
import { progressBar } from "./progress_bar";

export { type AnyFunction, type Example, type Exercise, exercise, type Verify } from "./exercise";
export { show } from "./figure";
export { hint } from "./hint";
export { check, orReference } from "./learn";
export { type LiveChart, liveChart } from "./live";
export { text } from "./messages";
export { NotImplemented } from "./not_implemented";
export { progress } from "./overview";
export { courseRoot, type Language, lang, profile } from "./registry";
export { type TableOptions, table } from "./table";
export { type WatchOptions, watch } from "./watch";

setProgressReporter(progressBar());
