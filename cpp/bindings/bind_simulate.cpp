// The JavaScript face of simulate/ and of the closed forms that are drawn over it.
#include <memory>

#include "bindings/runtime.hpp"
#include "simulate/collapse.hpp"
#include "simulate/protocols.hpp"
#include "theory/gaussian.hpp"

namespace heed::bindings {
namespace {

/// Field for field `RawCollapseOptions` in web/src/runtime/raw-study.ts.
struct JsCollapseOptions {
  std::uint32_t n, head_dim, rows;
  int weights;
  std::uint32_t rank;
  double seed;
  Address epsilon;
  std::uint32_t epsilons;
  Address effective, sigma;

  CollapseOptions options() const noexcept {
    return {n,
            head_dim,
            rows,
            static_cast<CollapseWeights>(weights),
            rank,
            static_cast<std::uint64_t>(seed),
            at<const double>(epsilon),
            epsilons,
            at<double>(effective),
            at<double>(sigma)};
  }
};

/// One point of a protocol: a job, and the table that it leaves. Method for method `RawSimulation`.
class Simulation {
 public:
  Simulation(int id, Address numbers, std::uint32_t count, Address q, Address k)
      : experiment_(
            make_experiment(id, {at<const double>(numbers), count, at<const float>(q), at<const float>(k)}, pool())) {}

  JsStatus status() const {
    if (!experiment_) return to_js(Status::fail(ErrorCode::kInternal, "there is no protocol of that number"));
    return to_js(experiment_->status());
  }
  std::uint32_t units() const { return static_cast<std::uint32_t>(experiment_->units()); }
  void run(std::uint32_t from, std::uint32_t to) { experiment_->run({from, to}); }
  std::string columns() const { return experiment_->columns(); }
  std::uint32_t rows() const { return static_cast<std::uint32_t>(experiment_->rows()); }
  Address table() const { return address_of(experiment_->table().data()); }

 private:
  std::unique_ptr<Experiment> experiment_;
};

Simulation* make_simulation(int id, Address numbers, std::uint32_t count, Address q, Address k) {
  return new Simulation(id, numbers, count, q, k);
}

Job<CollapsePoint>* make_collapse(const JsCollapseOptions& js) { return new Job<CollapsePoint>(js.options()); }

}  // namespace

EMSCRIPTEN_BINDINGS(simulate) {
  using namespace emscripten;
  value_object<JsCollapseOptions>("CollapseOptions")
      .field("n", &JsCollapseOptions::n)
      .field("headDim", &JsCollapseOptions::head_dim)
      .field("rows", &JsCollapseOptions::rows)
      .field("weights", &JsCollapseOptions::weights)
      .field("rank", &JsCollapseOptions::rank)
      .field("seed", &JsCollapseOptions::seed)
      .field("epsilon", &JsCollapseOptions::epsilon)
      .field("epsilons", &JsCollapseOptions::epsilons)
      .field("effective", &JsCollapseOptions::effective)
      .field("sigma", &JsCollapseOptions::sigma);
  bind_job("CollapseJob", &make_collapse);
  class_<Simulation>("Simulation")
      .constructor(&make_simulation, allow_raw_pointers())
      .function("status", &Simulation::status)
      .function("units", &Simulation::units)
      .function("run", &Simulation::run)
      .function("columns", &Simulation::columns)
      .function("rows", &Simulation::rows)
      .function("table", &Simulation::table);
  function("gaussianIneffectiveShare", &gaussian_ineffective_share);
}

}  // namespace heed::bindings
