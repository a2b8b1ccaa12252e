// What does it cost to find the key of a ticket, by id among 8 keys, against trying them one by
// one?
//
// The rival is what other ticket servers do: no id in the ticket, so open it with each key in turn.
// Both must name the same key for every ticket before anything is timed.
#include <benchmark/benchmark.h>

#include <array>
#include <memory>
#include <vector>

#include "crypto/base/error.h"
#include "crypto/engine.h"
#include "crypto/keyring.h"

namespace {

constexpr std::size_t kTicketText = 200;

// A full keyring, its expanded keys, and one ticket under each key.
struct Scene {
  struct Ticket {
    crypto::TicketKeyId id;
    std::array<std::uint8_t, kTicketText> text{};
    std::array<std::uint8_t, crypto::kAeadTagLen> tag{};
  };

  Scene() {
    CHECK(engine != nullptr);
    crypto::Keyring ring = crypto::Keyring::create(1);
    while (ring.keys().size() < crypto::kSnapshotKeysMax) ring.rotate(1, 1000);
    snapshot = ring.snapshot();
    for (std::size_t i = 0; i < snapshot.key_count; ++i) {
      const crypto::ExpandLane lane{snapshot.keys[i].secret.reveal().data(), &expanded[i]};
      engine->expand(crypto::Aead::aes256_gcm, {&lane, 1});
      tickets[i].id = snapshot.keys[i].id;
      crypto::AeadLane seal = lane_of(i, i, tickets[i].text.data());
      engine->seal(crypto::Aead::aes256_gcm, {&seal, 1});
    }
  }
  crypto::AeadLane lane_of(std::size_t ticket, std::size_t key, std::uint8_t* out) {
    return {.key = &expanded[key],
            .nonce = nonce.data(),
            .in = tickets[ticket].text.data(),
            .len = kTicketText,
            .out = out,
            .tag = tickets[ticket].tag.data()};
  }
  std::size_t find_by_id(std::size_t ticket) const {
    return static_cast<std::size_t>(snapshot.find(tickets[ticket].id) - snapshot.keys.data());
  }
  std::size_t find_by_trial(std::size_t ticket) {
    for (std::size_t key = 0; key < snapshot.key_count; ++key) {
      crypto::AeadLane lane = lane_of(ticket, key, opened.data());
      engine->open(crypto::Aead::aes256_gcm, {&lane, 1});
      if (lane.ok) return key;
    }
    return snapshot.key_count;
  }

  std::unique_ptr<crypto::Engine> engine = crypto::make_mb_engine();
  crypto::KeyringSnapshot snapshot;
  std::array<crypto::ExpandedKey, crypto::kSnapshotKeysMax> expanded;
  std::array<Ticket, crypto::kSnapshotKeysMax> tickets;
  std::array<std::uint8_t, crypto::kAeadNonceLen> nonce{};
  std::array<std::uint8_t, kTicketText> opened;
};

Scene& scene() {
  static Scene the_scene;
  return the_scene;
}

void find_by_id(benchmark::State& state) {
  std::size_t ticket = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(scene().find_by_id(ticket));
    ticket = (ticket + 1) % crypto::kSnapshotKeysMax;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(find_by_id);

void find_by_trial(benchmark::State& state) {
  std::size_t ticket = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(scene().find_by_trial(ticket));
    ticket = (ticket + 1) % crypto::kSnapshotKeysMax;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(find_by_trial);

}  // namespace

int main(int argc, char** argv) {
  for (std::size_t i = 0; i < crypto::kSnapshotKeysMax; ++i)
    CHECK(scene().find_by_id(i) == i && scene().find_by_trial(i) == i);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
