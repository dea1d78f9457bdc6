import { OpenAiDouble } from '../../doubles/openai/openai-double.ts';
import { HostedBench } from '../base/hosted/hosted-bench.ts';

export class OpenAiBench extends HostedBench<OpenAiDouble> {
  constructor() {
    super(() => OpenAiDouble.start());
  }
}
