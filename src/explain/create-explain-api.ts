import type { LabelSet } from '../alert/labels.ts';
import { AlertReader, type AlertReaderOptions } from './alert-reader.ts';
import { AllAnswers } from './all-answers.ts';
import { ExplainApi, type ExplainApiOptions } from './explain-api.ts';
import { LiveFacts } from './live-facts.ts';
import { OwnAnswers } from './own-answers.ts';
import { PipelineReader, type PipelineReaderOptions } from './pipeline-reader.ts';
import { Predictor, type PredictorOptions, type PredictorSettings } from './predictor.ts';
import type { AskedReplicas } from './replica-answers.ts';
import { RunReader } from './run-reader.ts';
import type { PipelineName } from './schema.ts';
import { selected } from './selected.ts';

type Made = 'all' | 'pipelines' | 'predictor' | 'live' | 'select';

export interface ExplainStageOptions
  extends
    Omit<ExplainApiOptions, Made>,
    Omit<AlertReaderOptions, 'select'>,
    Omit<PipelineReaderOptions, 'runs' | 'select'>,
    Omit<PredictorOptions, 'select' | 'settings'> {
  readonly settings: () => PredictorSettings;
  /** Default: there are none. */
  readonly others?: AskedReplicas | undefined;
}

export interface ExplainStage {
  readonly api: ExplainApi;
  readonly live: LiveFacts;
  readonly own: OwnAnswers;
}

/** Connects everything that answers questions. */
export function createExplainApi(options: ExplainStageOptions): ExplainStage {
  const select = (labels: LabelSet, pipelines: readonly PipelineName[]): readonly PipelineName[] =>
    selected(options.settings().select, labels, pipelines);
  const runs = new RunReader(options);
  const live = new LiveFacts(options);
  const alerts = new AlertReader({ ...options, select });
  const pipelines = new PipelineReader({ ...options, runs, select });
  const own = new OwnAnswers({ ...options, runs, alerts, pipelines });
  const api = new ExplainApi({
    ...options,
    all: new AllAnswers(own, options.others),
    live,
    pipelines,
    predictor: new Predictor({ ...options, select }),
  });
  return { api, live, own };
}
