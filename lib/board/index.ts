// The entry point nestjs-exclusive-lock/board.
export { ExclusiveLockBoardModule } from './board.module.js';
export type { ExclusiveLockBoardOptions } from './board-options.js';
export type {
  BoardActed,
  BoardJob,
  BoardLock,
  BoardOverview,
  BoardPause,
  BoardReplica,
  BoardRun,
  BoardRuns,
  BoardSchedule,
  BoardTimelineRun,
  RunState,
} from './board-json.js';
