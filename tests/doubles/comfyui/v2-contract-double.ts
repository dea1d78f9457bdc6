import type { BackendDouble, Fault, Stage, TakenJob } from '../../connectors/contract/double.ts';
import { ComfyContractDouble } from './contract-double.ts';
import { V2Double } from './v2-double.ts';

/** Comfy API v2 under the contract of connectors: everything happens in the ComfyUI behind it. */
export class V2ContractDouble implements BackendDouble {
  readonly #comfy: ComfyContractDouble;
  readonly #front: V2Double;

  private constructor(comfy: ComfyContractDouble, front: V2Double) {
    this.#comfy = comfy;
    this.#front = front;
  }

  static async start(): Promise<V2ContractDouble> {
    const comfy = await ComfyContractDouble.start();
    return new V2ContractDouble(comfy, await V2Double.start(comfy.url));
  }

  get url(): string {
    return this.#front.url;
  }

  hold(stage: Stage): void {
    this.#comfy.hold(stage);
  }

  held(stage: Stage): readonly string[] {
    return this.#comfy.held(stage);
  }

  release(marker?: string): void {
    this.#comfy.release(marker);
  }

  order(fault: Fault): void {
    this.#comfy.order(fault);
  }

  reset(): void {
    this.#comfy.reset();
  }

  taken(): readonly TakenJob[] {
    return this.#comfy.taken();
  }

  stopped(): readonly string[] {
    return this.#comfy.stopped();
  }

  arrivals(): readonly number[] {
    return this.#comfy.arrivals();
  }

  bytesSent(): number {
    return this.#comfy.bytesSent();
  }

  async stop(): Promise<void> {
    await this.#comfy.stop();
    await this.#front.stop();
  }
}
