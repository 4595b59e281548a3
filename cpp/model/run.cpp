#include "model/run.hpp"

#include <algorithm>
#include <cmath>

#include "simd/pack.hpp"
#include "simd/token_panels.hpp"

namespace heed {
namespace {

using simd::kPanel;

Status at_fault(const std::string& what) { return Status::fail(ErrorCode::kInvalidArgument, what); }

// The same steps for one token as simd/token_panels.hpp has for a panel.
void norm_token(const float* x, const float* gain, std::size_t columns, double epsilon, float* out) noexcept {
  float squares[8] = {};
  std::size_t c = 0;
  for (; c + 8 <= columns; c += 8)
    for (std::size_t i = 0; i < 8; ++i) squares[i] += x[c + i] * x[c + i];
  float sum = 0.0f;
  for (; c < columns; ++c) sum += x[c] * x[c];
  for (const float square : squares) sum += square;
  const float factor = 1.0f / std::sqrt(sum / static_cast<float>(columns) + static_cast<float>(epsilon));
  for (c = 0; c < columns; ++c) out[c] = x[c] * factor * gain[c];
}

void turn_token(float* head, const float* cosines, const float* sines, std::size_t pairs) noexcept {
  for (std::size_t c = 0; c < pairs; ++c) {
    const float a = head[c], b = head[c + pairs];
    head[c] = a * cosines[c] - b * sines[c];
    head[c + pairs] = b * cosines[c] + a * sines[c];
  }
}

void add_bias_token(float* x, const float* bias, std::size_t columns) noexcept {
  if (bias == nullptr) return;
  for (std::size_t c = 0; c < columns; ++c) x[c] += bias[c];
}

}  // namespace

CacheShape cache_shape(const ModelShape& shape, std::size_t capacity, simd::RowType type) noexcept {
  return {shape.layers, shape.kv_heads, shape.head_dim, shape.head_dim, capacity, type};
}

ModelRun::ModelRun(const ModelWeights& weights, KvCache& cache, const RunOptions& options, TaskPool& pool)
    : weights_(weights),
      shape_(weights.shape()),
      cache_(cache),
      options_(options),
      pool_(pool),
      chunk_tokens_(
          std::min(options.chunk == 0 ? kChunkTokens : options.chunk, std::max<std::size_t>(1, options.tokens))),
      start_(cache.length()),
      attention_(shape_, pool),
      report_(shape_),
      profile_(weights, pool) {
  status_ = check();
  if (status_.ok()) status_ = prepare();
}

ModelRun::~ModelRun() {
  if (status_.ok() && done_ == units()) return;
  for (std::size_t layer = 0; layer < shape_.layers; ++layer)
    if (cache_.length(layer) > start_) (void)cache_.rewind(layer, start_);
}

Status ModelRun::check() const {
  const CacheShape &has = cache_.shape(), needs = cache_shape(shape_, has.capacity, has.type);
  if (has.layers != needs.layers || has.kv_heads != needs.kv_heads || has.head_dim != needs.head_dim ||
      has.value_dim != needs.value_dim)
    return Status::fail(ErrorCode::kShapeMismatch, "the cache was made for a model of another shape");
  for (std::size_t layer = 0; layer < shape_.layers; ++layer)
    if (cache_.length(layer) != start_)
      return Status::fail(ErrorCode::kShapeMismatch, "the layers of the cache differ in length");
  if (options_.tokens == 0) return at_fault("tokens is 0; a run needs at least 1");
  if (options_.tokens > has.capacity - start_)
    return at_fault("the cache holds " + std::to_string(start_) + " tokens and " + std::to_string(options_.tokens) +
                    " more exceed its capacity, " + std::to_string(has.capacity));
  for (std::size_t i = 0; i < options_.tokens; ++i) {
    if (options_.ids[i] >= shape_.vocab)
      return at_fault("ids[" + std::to_string(i) + "] is " + std::to_string(options_.ids[i]) + "; the vocabulary has " +
                      std::to_string(shape_.vocab) + " entries");
    if (options_.targets != nullptr && options_.targets[i] != kNoTarget && options_.targets[i] >= shape_.vocab)
      return at_fault("targets[" + std::to_string(i) + "] is " + std::to_string(options_.targets[i]) +
                      "; the vocabulary has " + std::to_string(shape_.vocab) + " entries");
  }
  if (options_.targets != nullptr && options_.losses == nullptr) return at_fault("targets are given without losses");
  const std::size_t count = options_.policy_count;
  if (count != 1 && count != shape_.layers && count != shape_.layers * shape_.heads)
    return at_fault("policyCount is " + std::to_string(count) + "; it must be 1, " + std::to_string(shape_.layers) +
                    " (layers) or " + std::to_string(shape_.layers * shape_.heads) + " (layers * heads)");
  for (std::size_t i = 0; i < count; ++i) {
    const AttentionPolicy policy = read_policy(options_.policies + i * kPolicyNumbers);
    if (Status status = validate(policy, "attention[" + std::to_string(i) + "].keep"); !status.ok()) return status;
  }
  return weights_.complete();
}

Status ModelRun::prepare() {
  const ModelShape& s = shape_;
  const std::size_t count = options_.policy_count, pairs = s.head_dim / 2;
  now_ = {0, chunk_tokens_};
  const std::size_t most = panels(), tokens = chunk_tokens_, widest = std::max({s.width, s.hidden, s.query_width()});
  const CheckedSize wide = checked_product({most, panel_floats(std::max(s.hidden, widest))});
  const bool room =
      wide.fits && policies_.resize(count) && math_.prepare(widest, pool_) && x_.resize(most * panel_floats(s.width)) &&
      h_.resize(most * panel_floats(std::max(s.width, s.query_width()))) &&
      q_.resize(most * panel_floats(s.query_width())) && k_.resize(most * panel_floats(s.key_width())) &&
      v_.resize(most * panel_floats(s.key_width())) && gate_.resize(most * panel_floats(s.hidden)) &&
      up_.resize(most * panel_floats(s.hidden)) && cosines_.resize(most * pairs * kPanel) &&
      sines_.resize(most * pairs * kPanel) && frequencies_.resize(pairs) && queries_.resize(tokens * s.query_width()) &&
      attended_.resize(tokens * s.query_width()) && new_keys_.resize(tokens * s.key_width()) &&
      new_values_.resize(tokens * s.key_width()) && token_.resize(s.width) &&
      (options_.targets == nullptr || losses_.prepare(weights_.head(), tokens, pool_));
  if (!room) return Status::fail(ErrorCode::kOutOfMemory, "no memory left for the activations of a chunk");
  for (std::size_t i = 0; i < count; ++i) policies_[i] = read_policy(options_.policies + i * kPolicyNumbers);
  table_ = {policies_.data(), count, s.layers, s.heads};
  if (options_.report != nullptr || options_.profile != nullptr)
    if (Status status = report_.prepare(tokens, options_.report); !status.ok()) return status;
  return profile_.prepare(tokens, options_.profile);
}

Range ModelRun::chunk(std::size_t i) const noexcept {
  return {i * chunk_tokens_, std::min((i + 1) * chunk_tokens_, options_.tokens)};
}

std::size_t ModelRun::units() const noexcept {
  return (options_.tokens + chunk_tokens_ - 1) / chunk_tokens_ * (shape_.layers + 1);
}

void ModelRun::run(Range units) {
  for (std::size_t unit = units.begin; unit < units.end && status_.ok(); ++unit) run_unit(unit);
}

void ModelRun::run_unit(std::size_t unit) {
  const std::size_t step = unit % (shape_.layers + 1);
  now_ = chunk(unit / (shape_.layers + 1));
  if (step == 0) start_chunk();
  if (step < shape_.layers) {
    single() ? project_token(step) : project(step);
    attend(step);
    if (!status_.ok()) return;
    single() ? mix_token(step) : mix(step);
  } else {
    finish_chunk();
  }
  ++done_;
}

void ModelRun::start_chunk() {
  const WeightSlot& embedding = weights_.embedding();
  const std::size_t width = shape_.width, panel = panel_floats(width);
  if (!single()) std::fill_n(x_.data(), panels() * panel, 0.0f);
  for (std::size_t i = 0; i < now_.size(); ++i) {
    const simd::WeightRows row = embedding.view().from(options_.ids[now_.begin + i]);
    float step[simd::kWeightStep];
    for (std::size_t c = 0; c < width; c += simd::kWeightStep) {
      simd::kernel_widen_weights(row, 1, c, simd::kWeightStep, step, simd::kWeightStep);
      const std::size_t count = std::min(simd::kWeightStep, width - c);
      if (single()) {
        std::copy_n(step, count, x_.data() + c);
      } else {
        float* const to = x_.data() + i / kPanel * panel + i % kPanel;
        for (std::size_t j = 0; j < count; ++j) to[(c + j) * kPanel] = step[j];
      }
    }
  }
  write_angles();
}

void ModelRun::write_angles() {
  const std::size_t pairs = shape_.head_dim / 2, lanes = single() ? 1 : kPanel;
  const double amplitude = rope_amplitude(shape_.rope);
  for (std::size_t i = 0; i < (single() ? 1 : panels() * kPanel); ++i) {
    const std::size_t position = start_ + now_.begin + i;
    if (i == 0 || shape_.rope.kind == RopeKind::kDynamic)
      write_frequencies(shape_.rope, shape_.head_dim, position, frequencies_.data());
    const std::size_t at = i / lanes * pairs * lanes + i % lanes;
    for (std::size_t c = 0; c < pairs; ++c) {
      const double angle = static_cast<double>(position) * frequencies_[c];
      cosines_[at + c * lanes] = static_cast<float>(amplitude * std::cos(angle));
      sines_[at + c * lanes] = static_cast<float>(amplitude * std::sin(angle));
    }
  }
}

// Queries, keys and values of the chunk: products, bias, norm, position.
void ModelRun::project(std::size_t layer) {
  using W = ModelWeights;
  const std::size_t count = panels(), d = shape_.head_dim, pairs = d / 2;
  const auto epsilon = static_cast<float>(shape_.epsilon);
  pool_.run({0, count}, [&](std::size_t p, std::size_t) {
    simd::kernel_norm_panel(x_.data() + p * panel_floats(shape_.width), weights_.floats(layer, W::kInputNorm),
                            shape_.width, epsilon, h_.data() + p * panel_floats(shape_.width));
  });
  const BlockProduct products[] = {{weights_.part(layer, W::kQuery), q_.data()},
                                   {weights_.part(layer, W::kKey), k_.data()},
                                   {weights_.part(layer, W::kValue), v_.data()}};
  math_.block(h_.data(), count, products, 3, pool_);

  const float *const query_norm = weights_.floats(layer, W::kQueryNorm), *const key_norm =
                                                                             weights_.floats(layer, W::kKeyNorm);
  pool_.run({0, count}, [&](std::size_t p, std::size_t) {
    const std::size_t first = p * kPanel, lanes = std::min(kPanel, now_.size() - first);
    const auto heads = [&](float* panel, std::size_t number, const float* bias, const float* norm, bool turn) {
      if (bias != nullptr) simd::kernel_add_bias_rows(panel, bias, number * d);
      for (std::size_t h = 0; h < number; ++h) {
        float* const head = panel + h * d * kPanel;
        if (norm != nullptr) simd::kernel_norm_panel(head, norm, d, epsilon, head);
        if (turn)
          simd::kernel_turn_panel(head, cosines_.data() + p * pairs * kPanel, sines_.data() + p * pairs * kPanel,
                                  pairs);
      }
    };
    float* const q = q_.data() + p * panel_floats(shape_.query_width());
    float* const k = k_.data() + p * panel_floats(shape_.key_width());
    float* const v = v_.data() + p * panel_floats(shape_.key_width());
    heads(q, shape_.heads, weights_.floats(layer, W::kQueryBias), query_norm, true);
    heads(k, shape_.kv_heads, weights_.floats(layer, W::kKeyBias), key_norm, true);
    heads(v, shape_.kv_heads, weights_.floats(layer, W::kValueBias), nullptr, false);
    for (std::size_t h = 0; h < shape_.heads; ++h)
      simd::kernel_rows_of_panel(q + h * d * kPanel, d, lanes, queries_.data() + (h * now_.size() + first) * d, d);
    const std::size_t stride = shape_.key_width();
    simd::kernel_rows_of_panel(k, stride, lanes, new_keys_.data() + first * stride, stride);
    simd::kernel_rows_of_panel(v, stride, lanes, new_values_.data() + first * stride, stride);
  });
}

void ModelRun::project_token(std::size_t layer) {
  using W = ModelWeights;
  const std::size_t d = shape_.head_dim;
  norm_token(x_.data(), weights_.floats(layer, W::kInputNorm), shape_.width, shape_.epsilon, h_.data());
  const TokenMath::Product products[] = {{weights_.part(layer, W::kQuery), queries_.data()},
                                         {weights_.part(layer, W::kKey), new_keys_.data()},
                                         {weights_.part(layer, W::kValue), new_values_.data()}};
  math_.token(h_.data(), products, 3, pool_);
  const auto heads = [&](float* rows, std::size_t number, const float* bias, const float* norm, bool turn) {
    add_bias_token(rows, bias, number * d);
    for (std::size_t h = 0; h < number; ++h) {
      if (norm != nullptr) norm_token(rows + h * d, norm, d, shape_.epsilon, rows + h * d);
      if (turn) turn_token(rows + h * d, cosines_.data(), sines_.data(), d / 2);
    }
  };
  heads(queries_.data(), shape_.heads, weights_.floats(layer, W::kQueryBias), weights_.floats(layer, W::kQueryNorm),
        true);
  heads(new_keys_.data(), shape_.kv_heads, weights_.floats(layer, W::kKeyBias), weights_.floats(layer, W::kKeyNorm),
        true);
  heads(new_values_.data(), shape_.kv_heads, weights_.floats(layer, W::kValueBias), nullptr, false);
}

void ModelRun::attend(std::size_t layer) {
  const std::size_t tokens = now_.size();
  if (profile_.wanted()) note_inputs(layer);
  status_ = cache_.append(layer, new_keys_.data(), new_values_.data(), tokens, pool_);
  if (!status_.ok()) return;
  const LayerAttention::Report* const told = report_.rows();
  status_ = attention_.run(cache_, layer, tokens, queries_.data(), table_, attended_.data(), told);
  if (!status_.ok() || told == nullptr) return;
  report_.add_rows(layer, tokens, cache_.length(layer), table_);
  if (profile_.wanted()) status_ = profile_.add_rows(cache_, layer, tokens, queries_.data(), table_, *told);
}

// The normalized input before its gain.
void ModelRun::note_inputs(std::size_t layer) noexcept {
  const std::size_t width = shape_.width, lanes = single() ? 1 : kPanel;
  double peak = 0.0, power = 0.0;
  for (std::size_t i = 0; i < now_.size(); ++i) {
    const float* const x = x_.data() + i / lanes * panel_floats(width) + i % lanes;
    double squares = 0.0, largest = 0.0;
    for (std::size_t c = 0; c < width; ++c) {
      const double v = double{x[c * lanes]};
      squares += v * v;
      largest = std::max(largest, std::abs(v));
    }
    const double mean = squares / static_cast<double>(width), factor = 1.0 / std::sqrt(mean + shape_.epsilon);
    peak = std::max(peak, largest * factor);
    power += mean * factor * factor;
  }
  profile_.add_inputs(layer, peak, power);
}

// What attention gave goes back into the stream, and through the layer's second half.
void ModelRun::mix(std::size_t layer) {
  using W = ModelWeights;
  const std::size_t count = panels(), d = shape_.head_dim;
  const std::size_t wide = panel_floats(shape_.query_width()), hidden = panel_floats(shape_.hidden);
  pool_.run({0, count}, [&](std::size_t p, std::size_t) {
    for (std::size_t h = 0; h < shape_.heads; ++h) {
      const MatrixView<const float> rows{attended_.data() + h * now_.size() * d, now_.size(), d, d};
      simd::kernel_pack_panel(rows, p * kPanel, 1.0f, h_.data() + p * wide + h * d * kPanel);
    }
  });
  const auto each_panel = [&](auto&& work) { pool_.run({0, count}, [&](std::size_t p, std::size_t) { work(p); }); };
  const auto bias = [&](Buffer<float>& to, std::size_t columns, W::Part part) {
    const float* const added = weights_.floats(layer, part);
    if (added == nullptr) return;
    each_panel(
        [&](std::size_t p) { simd::kernel_add_bias_rows(to.data() + p * panel_floats(columns), added, columns); });
  };
  const BlockProduct out{weights_.part(layer, W::kOut), x_.data(), true};
  math_.block(h_.data(), count, &out, 1, pool_);
  bias(x_, shape_.width, W::kOutBias);
  each_panel([&](std::size_t p) {
    simd::kernel_norm_panel(x_.data() + p * panel_floats(shape_.width), weights_.floats(layer, W::kMlpNorm),
                            shape_.width, static_cast<float>(shape_.epsilon),
                            h_.data() + p * panel_floats(shape_.width));
  });
  const BlockProduct products[] = {{weights_.part(layer, W::kGate), gate_.data()},
                                   {weights_.part(layer, W::kUp), up_.data()}};
  math_.block(h_.data(), count, products, 2, pool_);
  bias(gate_, shape_.hidden, W::kGateBias);
  bias(up_, shape_.hidden, W::kUpBias);
  each_panel([&](std::size_t p) {
    simd::kernel_gate(gate_.data() + p * hidden, up_.data() + p * hidden, shape_.hidden * kPanel);
  });
  const BlockProduct down{weights_.part(layer, W::kDown), x_.data(), true};
  math_.block(gate_.data(), count, &down, 1, pool_);
  bias(x_, shape_.width, W::kDownBias);
}

void ModelRun::mix_token(std::size_t layer) {
  using W = ModelWeights;
  const TokenMath::Product out{weights_.part(layer, W::kOut), x_.data(), true};
  math_.token(attended_.data(), &out, 1, pool_);
  add_bias_token(x_.data(), weights_.floats(layer, W::kOutBias), shape_.width);
  norm_token(x_.data(), weights_.floats(layer, W::kMlpNorm), shape_.width, shape_.epsilon, h_.data());
  const TokenMath::Product products[] = {{weights_.part(layer, W::kGate), gate_.data()},
                                         {weights_.part(layer, W::kUp), up_.data()}};
  math_.token(h_.data(), products, 2, pool_);
  add_bias_token(gate_.data(), weights_.floats(layer, W::kGateBias), shape_.hidden);
  add_bias_token(up_.data(), weights_.floats(layer, W::kUpBias), shape_.hidden);
  // Buffers are whole panels: what lies past the last number is theirs.
  const std::size_t padded = round_up(shape_.hidden, simd::kLanes);
  std::fill(gate_.data() + shape_.hidden, gate_.data() + padded, 0.0f);
  std::fill(up_.data() + shape_.hidden, up_.data() + padded, 0.0f);
  simd::kernel_gate(gate_.data(), up_.data(), padded);
  const TokenMath::Product down{weights_.part(layer, W::kDown), x_.data(), true};
  math_.token(gate_.data(), &down, 1, pool_);
  add_bias_token(x_.data(), weights_.floats(layer, W::kDownBias), shape_.width);
}

void ModelRun::finish_chunk() {
  if (options_.targets != nullptr) {
    const std::uint32_t* const targets = options_.targets;
    if (std::any_of(targets + now_.begin, targets + now_.end, [](std::uint32_t t) { return t != kNoTarget; }))
      write_losses();
  }
  if (options_.logits != nullptr && now_.end == options_.tokens) last_logits();
}

void ModelRun::last_logits() {
  const std::size_t lanes = single() ? 1 : kPanel, i = now_.size() - 1;
  const float* const x = x_.data() + i / lanes * panel_floats(shape_.width) + i % lanes;
  for (std::size_t c = 0; c < shape_.width; ++c) token_[c] = x[c * lanes];
  norm_token(token_.data(), weights_.final_norm().floats(), shape_.width, shape_.epsilon, token_.data());
  const TokenMath::Product head{&weights_.head(), options_.logits};
  math_.token(token_.data(), &head, 1, pool_);
}

void ModelRun::write_losses() {
  const std::size_t count = panels(), width = panel_floats(shape_.width);
  if (single()) {
    // One token as a panel of which one lane counts.
    for (std::size_t c = shape_.width; c-- > 0;) {
      const float x = x_[c];
      std::fill_n(x_.data() + c * kPanel, kPanel, x);
    }
  }
  pool_.run({0, count}, [&](std::size_t p, std::size_t) {
    simd::kernel_norm_panel(x_.data() + p * width, weights_.final_norm().floats(), shape_.width,
                            static_cast<float>(shape_.epsilon), h_.data() + p * width);
  });
  if (single())
    for (std::size_t c = 0; c < shape_.width; ++c) x_[c] = x_[c * kPanel];
  losses_.write(weights_.head(), h_.data(), options_.targets + now_.begin, now_.size(), math_, pool_,
                options_.losses + now_.begin);
}

}  // namespace heed
