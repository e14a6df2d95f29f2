/** @file The error that an unsolved exercise throws. */

/**
 * Thrown by the stub of an exercise until its reader has written an answer.
 *
 * @example
 * import { NotImplemented } from "gptlab/course";
 * new NotImplemented("causalMask").message; // => "causalMask is not written yet"
 */
export class NotImplemented extends Error {
  /** Id of the exercise. */
  readonly exercise: string;

  constructor(exercise: string) {
    super(`${exercise} is not written yet`);
    this.name = "NotImplemented";
    this.exercise = exercise;
    this.stack = `NotImplemented: ${this.message}`; // a reader who calls a stub sees one line, not the kernel's frames
  }
}
