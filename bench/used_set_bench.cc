// What does exactly-once cost for a ticket: a look, the spending, counting half-opens?
//
// A million tickets in random order out of the 16 million of one issuer. The rival is the obvious
// std::unordered_set of spent serials: one thread, no lock, nothing kept over a crash, 1 million
// entries reserved. Ours is an atomic operation on a mapped file that survives a kill.
#include <benchmark/benchmark.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "crypto/base/error.h"
#include "dataplane/used_set.h"

namespace dp {
namespace {

constexpr std::size_t kTickets = std::size_t{1} << 20;
constexpr ike::IssuerId kIssuer{0x1122334455667788};

// Distinct serials that jump through the whole capacity.
std::vector<ike::TicketSerial> random_serials() {
  std::vector<ike::TicketSerial> serials;
  for (std::uint64_t i = 1; i <= kTickets; ++i)
    serials.emplace_back(i * 0x9e3779b1 % (kIssuerCapacity - 1) + 1);
  return serials;
}

class Files {
 public:
  Files() {
    std::string pattern = std::filesystem::temp_directory_path() / "used-set-bench-XXXXXX";
    CHECK(mkdtemp(pattern.data()) != nullptr);
    dir_ = pattern;
    auto opened = UsedSet::open(dir_, 0);
    CHECK(opened.has_value());
    set = std::move(*opened);
    const auto created = set->create(kIssuer, kIssuerCapacity, 1);
    CHECK(created.has_value());
    use = *created;
  }
  ~Files() { std::filesystem::remove_all(dir_); }
  std::unique_ptr<UsedSet> set;
  IssuerUse* use = nullptr;

 private:
  std::string dir_;
};

// Both say the same about every ticket of a run in which each third one is spent.
bool agree(const std::vector<ike::TicketSerial>& serials) {
  const Files files;
  std::unordered_set<std::uint64_t> rival;
  for (std::size_t i = 0; i < serials.size(); i += 3)
    if (files.use->spend(serials[i]) != rival.insert(serials[i].value()).second) return false;
  for (const ike::TicketSerial s : serials)
    if (files.use->is_spent(s) != rival.contains(s.value())) return false;
  return true;
}

void find_issuer(benchmark::State& state) {
  const Files files;
  for (auto _ : state) benchmark::DoNotOptimize(files.set->find(kIssuer));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(find_issuer);

void is_spent(benchmark::State& state) {
  const auto serials = random_serials();
  if (!agree(serials)) return state.SkipWithError("used-set and rival disagree");
  const Files files;
  for (std::size_t i = 0; i < serials.size(); i += 3) CHECK(files.use->spend(serials[i]));
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(files.use->is_spent(serials[i++ % kTickets]));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(is_spent);

void is_spent_unordered_set(benchmark::State& state) {
  const auto serials = random_serials();
  std::unordered_set<std::uint64_t> rival(kTickets);
  for (std::size_t i = 0; i < serials.size(); i += 3) rival.insert(serials[i].value());
  std::size_t i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(rival.contains(serials[i++ % kTickets].value()));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(is_spent_unordered_set);

// Every ticket for the first time, page faults of the mapping included.
void spend(benchmark::State& state) {
  const auto serials = random_serials();
  const Files files;
  std::size_t i = 0;
  bool won = true;
  for (auto _ : state) won = files.use->spend(serials[i++]) && won;
  CHECK(won);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(spend)->Iterations(kTickets);

void spend_unordered_set(benchmark::State& state) {
  const auto serials = random_serials();
  std::unordered_set<std::uint64_t> rival(kTickets);
  std::size_t i = 0;
  bool won = true;
  for (auto _ : state) won = rival.insert(serials[i++].value()).second && won;
  CHECK(won);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(spend_unordered_set)->Iterations(kTickets);

// One half-open begins and ends; the counters stand in plain memory.
void enter_and_leave(benchmark::State& state) {
  const auto serials = random_serials();
  const Files files;
  std::size_t i = 0;
  for (auto _ : state) {
    const ike::TicketSerial s = serials[i++ % kTickets];
    CHECK(files.use->enter(s, 2));
    files.use->leave(s);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(enter_and_leave);

// A new issuer for 16 million tickets: blocks reserved and both the file and its name on disk.
void create_issuer(benchmark::State& state) {
  const Files files;
  std::uint64_t id = 1;
  for (auto _ : state)
    CHECK(files.set->create(ike::IssuerId(id++), kIssuerCapacity, 1).has_value());
}
BENCHMARK(create_issuer)->Iterations(32)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace dp

BENCHMARK_MAIN();
