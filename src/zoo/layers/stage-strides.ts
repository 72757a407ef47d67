/** How a stage of a network keeps its resolution under an output stride. */
export interface StageStride {
  /** Of the stage's first block. */
  readonly stride: number;
  readonly dilation: number;
  /** Of the first block's spatial convolution: a stage whose stride became dilation begins with the one before. */
  readonly firstDilation: number;
  /** Input pixels per pixel after the stage. */
  readonly reduction: number;
}

/**
 * The stages behind a stem of stride `from`: strides beyond the output stride become dilation (Yu et al. 2017, Dilated
 * Residual Networks). timm's rule of the networks that it wrote itself.
 */
export function stageStrides(strides: readonly number[], from: number, outputStride: number): StageStride[] {
  let reduction = from;
  let dilation = 1;
  return strides.map((wanted) => {
    const kept = reduction < outputStride || wanted === 1;
    const stride = kept ? wanted : 1;
    dilation *= kept ? 1 : wanted;
    reduction *= stride;
    return { stride, dilation, firstDilation: dilation <= 2 ? 1 : 2, reduction };
  });
}
