/** One more thread of the loops that say what the machine allows. */
import "../../../bench/harness/candidates/machine_loop_worker.mjs";
