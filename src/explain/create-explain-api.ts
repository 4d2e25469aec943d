import type { LabelSet } from '../alert/labels.ts';
import { AlertReader, type AlertReaderOptions } from './alert-reader.ts';
import { ExplainApi, type ExplainApiOptions } from './explain-api.ts';
import { LiveFacts } from './live-facts.ts';
import { PipelineReader, type PipelineReaderOptions } from './pipeline-reader.ts';
import { Predictor, type PredictorOptions, type PredictorSettings } from './predictor.ts';
import { RunReader } from './run-reader.ts';
import type { PipelineName } from './schema.ts';
import { selected } from './selected.ts';

type Made = 'runs' | 'alerts' | 'pipelines' | 'predictor' | 'live' | 'select';

export interface ExplainStageOptions
  extends
    Omit<ExplainApiOptions, Made>,
    Omit<AlertReaderOptions, 'select'>,
    Omit<PipelineReaderOptions, 'runs' | 'select'>,
    Omit<PredictorOptions, 'select' | 'settings'> {
  readonly settings: () => PredictorSettings;
}

export interface ExplainStage {
  readonly api: ExplainApi;
  readonly live: LiveFacts;
}

/** Connects everything that answers questions. */
export function createExplainApi(options: ExplainStageOptions): ExplainStage {
  const select = (labels: LabelSet, pipelines: readonly PipelineName[]): readonly PipelineName[] =>
    selected(options.settings().select, labels, pipelines);
  const runs = new RunReader(options);
  const live = new LiveFacts(options);
  const api = new ExplainApi({
    ...options,
    runs,
    live,
    alerts: new AlertReader({ ...options, select }),
    pipelines: new PipelineReader({ ...options, runs, select }),
    predictor: new Predictor({ ...options, select }),
  });
  return { api, live };
}
