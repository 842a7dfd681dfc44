//! The Qwen2 transformer over a model file's quantised weights.
//!
//! Source: the Qwen2 technical report (section 2.2): pre-norm blocks with RMSNorm, grouped-query
//! attention with biases on query, key and value, rotary positions over halves, SwiGLU. Written over
//! candle's tensors, because the cache of keys and values here is of a bounded size, can be cut back to
//! the prefix that two prompts share, and the embeddings stay quantised in memory.

use std::fs::File;
use std::io::BufReader;

use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{Device, Error, IndexOp as _, Module as _, Result, Tensor};
use candle_nn::attention::{AttnMask, flash_attn};
use candle_nn::{ops, rotary_emb};

/// Values of a block of `Q5_0` and `Q8_0`.
const BLOCK: usize = 32;
/// Bytes of a `Q5_0` block: scale, fifth bits, low halves.
const Q5_0_BYTES: usize = 2 + 4 + 16;
/// Bytes of a `Q8_0` block: scale, values.
const Q8_0_BYTES: usize = 2 + BLOCK;

/// A model's weights and what it has read so far.
pub(super) struct Qwen2 {
    embeddings: QTensor,
    layers: Vec<Layer>,
    norm: Norm,
    output: QMatMul,
    /// Cosines and sines of the positions within the window.
    rotation: (Tensor, Tensor),
}

/// Sizes that all layers share.
#[derive(Debug, Clone, Copy)]
struct Shape {
    heads: usize,
    key_heads: usize,
    head_values: usize,
}

struct Norm {
    weights: Tensor,
    epsilon: f32,
}

impl Norm {
    fn forward(&self, values: &Tensor) -> Result<Tensor> {
        ops::rms_norm(&values.contiguous()?, &self.weights, self.epsilon)
    }
}

/// A product with a bias.
struct Biased {
    matrix: QMatMul,
    bias: Tensor,
}

impl Biased {
    /// Of `[1, n, _]`, cut into heads: `[1, n, heads, head_values]`.
    fn heads(&self, values: &Tensor, heads: usize) -> Result<Tensor> {
        let all = self.matrix.forward(values)?.broadcast_add(&self.bias)?;
        let (one, n, width) = all.dims3()?;
        all.reshape((one, n, heads, width / heads))
    }
}

struct Layer {
    shape: Shape,
    before_attention: Norm,
    query: Biased,
    key: Biased,
    value: Biased,
    attended: QMatMul,
    before_mlp: Norm,
    gate: QMatMul,
    up: QMatMul,
    down: QMatMul,
    /// Keys and values of the positions read, `[1, window, key_heads, head_values]`. The system gives
    /// memory to zeros only where they are written.
    keys: Tensor,
    values: Tensor,
}

impl Layer {
    fn forward(&self, inputs: &Tensor, at: usize, rotation: &(Tensor, Tensor)) -> Result<Tensor> {
        let attended = self.attention(&self.before_attention.forward(inputs)?, at, rotation)?;
        let inputs = (inputs + attended)?;
        let seen = self.before_mlp.forward(&inputs)?;
        let gate = ops::silu(&self.gate.forward(&seen)?)?;
        inputs + self.down.forward(&(gate * self.up.forward(&seen)?)?)?
    }

    fn attention(&self, seen: &Tensor, at: usize, rotation: &(Tensor, Tensor)) -> Result<Tensor> {
        let Shape { heads, key_heads, head_values } = self.shape;
        let n = seen.dim(1)?;
        let (cos, sin) = (rotation.0.narrow(0, at, n)?, rotation.1.narrow(0, at, n)?);
        let query = rotary_emb::rope_thd(&self.query.heads(seen, heads)?, &cos, &sin)?;
        let key = rotary_emb::rope_thd(&self.key.heads(seen, key_heads)?, &cos, &sin)?;
        self.keys.slice_set(&key, 1, at)?;
        self.values.slice_set(&self.value.heads(seen, key_heads)?.contiguous()?, 1, at)?;
        let keys = self.keys.narrow(1, 0, at + n)?;
        let values = self.values.narrow(1, 0, at + n)?;
        #[expect(clippy::cast_precision_loss, reason = "a head has far fewer than 2^24 values")]
        let scale = 1.0 / (head_values as f32).sqrt();
        let mask = AttnMask::causal_with_offset(at);
        let sums = flash_attn::<f32>(&query, &keys, &values, scale, mask, None, None)?;
        self.attended.forward(&sums.transpose(1, 2)?.reshape((1, n, heads * head_values))?)
    }
}

impl Qwen2 {
    /// Reads the weights of a model file, for `window` positions.
    pub(super) fn load(
        file: &Content,
        reader: &mut BufReader<File>,
        window: usize,
    ) -> Result<Self> {
        let mut weights = Weights { file, reader };
        let shape = Shape {
            heads: weights.size("qwen2.attention.head_count")?,
            key_heads: weights.size("qwen2.attention.head_count_kv")?,
            head_values: 0,
        };
        let width = weights.size("qwen2.embedding_length")?;
        let fits = |whole: usize, part: usize| part != 0 && whole.is_multiple_of(part);
        if !fits(width, shape.heads) || !fits(shape.heads, shape.key_heads) {
            return Err(Error::Msg(format!("{shape:?} does not divide {width} values")));
        }
        let shape = Shape { head_values: width / shape.heads, ..shape };
        let base = weights.number("qwen2.rope.freq_base")?.to_f32()?;
        let layers = weights.size("qwen2.block_count")?;
        let tied = !file.tensor_infos.contains_key("output.weight");
        Ok(Self {
            embeddings: weights.tensor("token_embd.weight")?,
            layers: (0..layers)
                .map(|layer| weights.layer(layer, shape, window))
                .collect::<Result<_>>()?,
            norm: weights.norm("output_norm.weight")?,
            output: weights.matrix(if tied { "token_embd.weight" } else { "output.weight" })?,
            rotation: rotation(shape.head_values, base, window)?,
        })
    }

    /// Reads `ids` as the positions from `at` on; all before `at` must have been read, and the last
    /// must lie within the window.
    pub(super) fn read(&self, ids: &[u32], at: usize) -> Result<Read> {
        let ids = Tensor::new(ids, &Device::Cpu)?.unsqueeze(0)?;
        let mut values = self.embeddings.embedding(&ids)?;
        for layer in &self.layers {
            values = layer.forward(&values, at, &self.rotation)?;
        }
        Ok(Read(values))
    }

    /// Scores of each token as the next one, as unnormalised logarithms.
    pub(super) fn next(&self, read: &Read) -> Result<Vec<f32>> {
        let last = read.0.dim(1)? - 1;
        let seen = self.norm.forward(&read.0.i((.., last..=last, ..))?)?;
        self.output.forward(&seen)?.flatten_all()?.to_vec1()
    }
}

/// The last layer's output for the tokens read.
pub(super) struct Read(Tensor);

fn rotation(head_values: usize, base: f32, window: usize) -> Result<(Tensor, Tensor)> {
    #[expect(clippy::cast_precision_loss, reason = "both are far below 2^24")]
    let angles: Vec<f32> = (0..window)
        .flat_map(|at| {
            (0..head_values)
                .step_by(2)
                .map(move |value| at as f32 / base.powf(value as f32 / head_values as f32))
        })
        .collect();
    let angles = Tensor::from_vec(angles, (window, head_values / 2), &Device::Cpu)?;
    Ok((angles.cos()?, angles.sin()?))
}

struct Weights<'a> {
    file: &'a Content,
    reader: &'a mut BufReader<File>,
}

impl Weights<'_> {
    fn number(&self, key: &str) -> Result<&Value> {
        self.file.metadata.get(key).ok_or_else(|| Error::Msg(format!("it has no {key}")))
    }

    fn size(&self, key: &str) -> Result<usize> {
        let number = self.number(key)?.to_u32()?;
        usize::try_from(number).map_err(|error| Error::Msg(error.to_string()))
    }

    fn tensor(&mut self, name: &str) -> Result<QTensor> {
        self.file.tensor(self.reader, name, &Device::Cpu)
    }

    fn matrix(&mut self, name: &str) -> Result<QMatMul> {
        QMatMul::from_qtensor(faster(self.tensor(name)?)?)
    }

    fn vector(&mut self, name: &str) -> Result<Tensor> {
        self.tensor(name)?.dequantize(&Device::Cpu)
    }

    fn norm(&mut self, name: &str) -> Result<Norm> {
        let epsilon = self.number("qwen2.attention.layer_norm_rms_epsilon")?.to_f32()?;
        Ok(Norm { weights: self.vector(name)?, epsilon })
    }

    fn layer(&mut self, layer: usize, shape: Shape, window: usize) -> Result<Layer> {
        let name = |part: &str| format!("blk.{layer}.{part}");
        let mut biased = |part: &str| {
            let matrix = self.matrix(&name(&format!("{part}.weight")))?;
            let bias = self.vector(&name(&format!("{part}.bias")))?;
            Ok::<_, Error>(Biased { matrix, bias })
        };
        let (query, key, value) = (biased("attn_q")?, biased("attn_k")?, biased("attn_v")?);
        let room = (1, window, shape.key_heads, shape.head_values);
        let zeros = || Tensor::zeros(room, candle_core::DType::F32, &Device::Cpu);
        Ok(Layer {
            shape,
            before_attention: self.norm(&name("attn_norm.weight"))?,
            query,
            key,
            value,
            attended: self.matrix(&name("attn_output.weight"))?,
            before_mlp: self.norm(&name("ffn_norm.weight"))?,
            gate: self.matrix(&name("ffn_gate.weight"))?,
            up: self.matrix(&name("ffn_up.weight"))?,
            down: self.matrix(&name("ffn_down.weight"))?,
            keys: zeros()?,
            values: zeros()?,
        })
    }
}

/// The same weights in a form that is computed faster: candle has no vector instructions for `Q5_0`,
/// which is what the small model mostly consists of. `Q8_0` holds the same numbers exactly: the same
/// scale, and whole numbers of five bits in eight.
fn faster(weights: QTensor) -> Result<QTensor> {
    if weights.dtype() != GgmlDType::Q5_0 {
        return Ok(weights);
    }
    let wide = widened(&weights.data()?);
    let storage = QStorage::from_data(wide.into(), &Device::Cpu, GgmlDType::Q8_0)?;
    QTensor::new(storage, weights.shape().clone())
}

fn widened(blocks: &[u8]) -> Vec<u8> {
    let mut wide = Vec::with_capacity(blocks.len() / Q5_0_BYTES * Q8_0_BYTES);
    for block in blocks.chunks_exact(Q5_0_BYTES) {
        let (scale, rest) = block.split_at(2);
        let (fifths, halves) = rest.split_at(4);
        wide.extend_from_slice(scale);
        let value = |at: usize| {
            let half = halves[at % 16];
            let low = if at < 16 { half & 0x0f } else { half >> 4 };
            let fifth = (fifths[at / 8] >> (at % 8)) & 1;
            // Numbers are stored sixteen too high.
            (low | (fifth << 4)).wrapping_sub(16)
        };
        wide.extend((0..BLOCK).map(value));
    }
    wide
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn widened_weights_are_the_same_numbers() {
        let numbers: Vec<f32> = (0..256_u16).map(|at| (f32::from(at) * 0.7).sin()).collect();
        let weights = Tensor::from_vec(numbers, (2, 128), &Device::Cpu).unwrap();
        let narrow = QTensor::quantize(&weights, GgmlDType::Q5_0).unwrap();
        let before = narrow.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap();
        let wide = faster(narrow).unwrap();
        assert_eq!(wide.dtype(), GgmlDType::Q8_0);
        let after = wide.dequantize(&Device::Cpu).unwrap().flatten_all().unwrap();
        assert_eq!(before.to_vec1::<f32>().unwrap(), after.to_vec1::<f32>().unwrap());
    }

    #[test]
    fn positions_turn_by_their_own_angles() {
        let (cos, sin) = rotation(4, 100.0, 3).unwrap();
        let angles = [[0.0, 0.0], [1.0, 0.1], [2.0, 0.2_f32]];
        for (at, row) in angles.iter().enumerate() {
            for (pair, angle) in row.iter().enumerate() {
                let near = |table: &Tensor, expected: f32| {
                    let found: f32 = table.i((at, pair)).unwrap().to_scalar().unwrap();
                    assert!((found - expected).abs() < 1e-6, "{at} {pair}: {found} {expected}");
                };
                near(&cos, angle.cos());
                near(&sin, angle.sin());
            }
        }
    }
}
