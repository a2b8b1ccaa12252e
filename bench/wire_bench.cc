// What does reading and writing IKE messages cost next to a parser that copies every payload?
//
// One operation = one message. /1 reads the same message again (hot cache), /4096 goes round over
// as many messages. The rival keeps payloads in std::vector, which is how such code is usually
// written.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include "crypto/random.h"
#include "ike/auth_exchange.h"
#include "ike/payload.h"
#include "ike/resume.h"
#include "ike/ticket.h"

namespace {

using Octets = std::vector<std::uint8_t>;

constexpr std::size_t kTicketLen = 200;

Octets random_octets(crypto::Random& random, std::size_t len) {
  Octets out(len);
  random.fill(out);
  return out;
}

std::vector<Octets> resume_requests(std::size_t count) {
  crypto::Random random(1);
  std::vector<Octets> out;
  while (out.size() < count) {
    const Octets nonce = random_octets(random, ike::kNonceLen);
    const Octets ticket = random_octets(random, kTicketLen);
    const Octets hash = random_octets(random, 20);
    Octets message(1280);
    message.resize(ike::write_resume_request({.spi_i = ike::IkeSpi(random.u64() | 1),
                                              .nonce = nonce,
                                              .ticket = ticket,
                                              .cookie = {},
                                              .nat_source = hash,
                                              .nat_destination = hash,
                                              .fragmentation_supported = true},
                                             message));
    out.push_back(std::move(message));
  }
  return out;
}

ike::SelectorList any_ip4() {
  ike::SelectorList list;
  list.items[0] = ike::selector_of(ike::TsType::ipv4_addr_range, std::array<std::uint8_t, 4>{}, 0);
  list.count = 1;
  return list;
}

// Inner payloads of message 3 as a remote-access client sends them.
std::vector<Octets> auth_requests(std::size_t count) {
  crypto::Random random(2);
  const ike::SelectorList ts = any_ip4();
  std::vector<Octets> out;
  while (out.size() < count) {
    const Octets id = random_octets(random, 30);
    const Octets auth = random_octets(random, 32);
    ike::AuthOffer offer;
    offer.id_i_body = id;
    offer.id_r_body = id;
    offer.auth = auth;
    offer.has_config = offer.config.wants_ip4 = offer.config.wants_ip4_dns = true;
    offer.child_spi = ike::EspSpi(random.u32());
    offer.ts_i = offer.ts_r = &ts;
    Octets inner(1024);
    crypto::ByteWriter writer(inner);
    ike::ChainBuilder chain(writer);
    ike::write_auth_offer(chain, offer);
    inner.resize(writer.size());
    out.push_back(std::move(inner));
  }
  return out;
}

struct TicketSource {
  Octets sk_d, id_i, id_r;
  ike::TicketState state() const {
    ike::TicketState s;
    s.expires_s = 2000000000;
    s.flags.has_ip4 = true;
    s.sk_d = sk_d;
    s.id_i = id_i;
    s.id_r = id_r;
    return s;
  }
};

std::vector<TicketSource> ticket_sources(std::size_t count) {
  crypto::Random random(3);
  std::vector<TicketSource> out;
  while (out.size() < count)
    out.push_back(
        {random_octets(random, 32), random_octets(random, 28), random_octets(random, 20)});
  return out;
}

// The rival: payloads as owned copies.
struct OwnedPayload {
  std::uint8_t type = 0;
  Octets body;
};

bool copy_chain(std::uint8_t next, crypto::Bytes rest, std::vector<OwnedPayload>& out) {
  while (next != 0) {
    if (rest.size() < 4) return false;
    const std::size_t len = crypto::load_be16(rest.data() + 2);
    if (len < 4 || len > rest.size()) return false;
    const crypto::Bytes body = rest.subspan(4, len - 4);
    out.push_back({next, Octets(body.begin(), body.end())});
    next = rest[0];
    rest = rest.subspan(len);
  }
  return rest.empty();
}

struct OwnedRequest {
  Octets nonce, ticket;
};

bool copy_resume_request(const Octets& message, OwnedRequest& out) {
  std::vector<OwnedPayload> payloads;
  if (message.size() < ike::kHeaderLen) return false;
  if (!copy_chain(message[16], crypto::Bytes(message).subspan(ike::kHeaderLen), payloads))
    return false;
  for (const OwnedPayload& p : payloads) {
    if (p.type == 40) out.nonce = p.body;
    if (p.type == 41 && p.body.size() >= 4 && crypto::load_be16(p.body.data() + 2) == 16413)
      out.ticket.assign(p.body.begin() + 4, p.body.end());
  }
  return !out.nonce.empty() && !out.ticket.empty();
}

struct OwnedAuth {
  Octets id_i, id_r, auth, sa, ts_i, ts_r, cp;
};

bool copy_auth_request(const Octets& inner, OwnedAuth& out) {
  std::vector<OwnedPayload> payloads;
  if (!copy_chain(35, inner, payloads)) return false;
  for (const OwnedPayload& p : payloads) {
    switch (p.type) {
      case 35:
        out.id_i = p.body;
        break;
      case 36:
        out.id_r = p.body;
        break;
      case 39:
        out.auth.assign(p.body.begin() + 4, p.body.end());
        break;
      case 33:
        out.sa = p.body;
        break;
      case 44:
        out.ts_i = p.body;
        break;
      case 45:
        out.ts_r = p.body;
        break;
      case 47:
        out.cp = p.body;
        break;
      default:
        break;
    }
  }
  return true;
}

void append_payload(Octets& out, std::uint8_t next, crypto::Bytes body) {
  out.push_back(next);
  out.push_back(0);
  out.push_back(static_cast<std::uint8_t>((body.size() + 4) >> 8));
  out.push_back(static_cast<std::uint8_t>(body.size() + 4));
  out.insert(out.end(), body.begin(), body.end());
}

Octets notify_body(std::uint16_t type, crypto::Bytes rest) {
  Octets out(4 + rest.size());
  crypto::store_be16(out.data() + 2, type);
  std::ranges::copy(rest, out.begin() + 4);
  return out;
}

Octets append_resume_response(const ike::ResumeResponse& r) {
  Octets chain;
  append_payload(chain, 41, r.nonce);
  append_payload(chain, 41, notify_body(16388, r.nat_source));
  append_payload(chain, 41, notify_body(16389, r.nat_destination));
  append_payload(chain, 0, notify_body(16430, {}));
  ike::Header h{.spi_i = r.spi_i,
                .spi_r = r.spi_r,
                .next_payload = ike::PayloadType::nonce,
                .exchange = ike::Exchange::ike_session_resume,
                .flags = ike::kFlagResponse,
                .message_id = {},
                .length = static_cast<std::uint32_t>(ike::kHeaderLen + chain.size())};
  Octets out(ike::kHeaderLen);
  ike::write_header(h, out.data());
  out.insert(out.end(), chain.begin(), chain.end());
  return out;
}

void must(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "wire_bench: %s differ from the rival's\n", what);
  std::exit(1);
}

// Goes round over the inputs and reports items and octets.
template <class Input, class Work>
void run(benchmark::State& state, const std::vector<Input>& inputs, std::size_t octets_each,
         Work work) {
  std::size_t at = 0;
  for (auto _ : state) {
    work(inputs[at]);
    at = at + 1 == inputs.size() ? 0 : at + 1;
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(octets_each));
}

std::size_t count_of(const benchmark::State& state) {
  return static_cast<std::size_t>(state.range(0));
}

void BM_ParseHeader(benchmark::State& state) {
  const auto messages = resume_requests(count_of(state));
  run(state, messages, ike::kHeaderLen, [](const Octets& m) {
    ike::Header h;
    benchmark::DoNotOptimize(ike::parse_header(m, h));
    benchmark::DoNotOptimize(h);
  });
}

void BM_WalkPayloads(benchmark::State& state) {
  const auto messages = resume_requests(count_of(state));
  run(state, messages, messages[0].size(), [](const Octets& m) {
    ike::PayloadChain chain(static_cast<ike::PayloadType>(m[16]),
                            crypto::Bytes(m).subspan(ike::kHeaderLen));
    ike::Payload p;
    while (chain.next(p)) benchmark::DoNotOptimize(p.body.data());
  });
}

void BM_WalkPayloadsCopying(benchmark::State& state) {
  const auto messages = resume_requests(count_of(state));
  run(state, messages, messages[0].size(), [](const Octets& m) {
    std::vector<OwnedPayload> payloads;
    benchmark::DoNotOptimize(
        copy_chain(m[16], crypto::Bytes(m).subspan(ike::kHeaderLen), payloads));
    benchmark::DoNotOptimize(payloads.data());
  });
}

void BM_ParseResumeRequest(benchmark::State& state) {
  const auto messages = resume_requests(count_of(state));
  run(state, messages, messages[0].size(), [](const Octets& m) {
    ike::ResumeRequest request;
    ike::PayloadType offending{};
    benchmark::DoNotOptimize(ike::parse_resume_request(m, request, offending));
    benchmark::DoNotOptimize(request);
  });
}

void BM_ParseResumeRequestCopying(benchmark::State& state) {
  const auto messages = resume_requests(count_of(state));
  for (const Octets& m : messages) {
    OwnedRequest owned;
    ike::ResumeRequest request;
    ike::PayloadType offending{};
    must(copy_resume_request(m, owned) &&
             ike::parse_resume_request(m, request, offending) == ike::ParseError::none &&
             std::ranges::equal(request.nonce, owned.nonce) &&
             std::ranges::equal(request.ticket, owned.ticket),
         "resume requests");
  }
  run(state, messages, messages[0].size(), [](const Octets& m) {
    OwnedRequest owned;
    benchmark::DoNotOptimize(copy_resume_request(m, owned));
    benchmark::DoNotOptimize(owned.ticket.data());
  });
}

ike::ResumeResponse response_for(const Octets& request) {
  const crypto::Bytes octets(request);
  return {.spi_i = ike::IkeSpi(crypto::load_be64(octets.data())),
          .spi_r = ike::IkeSpi(1),
          .nonce = octets.subspan(32, ike::kNonceLen),
          .nat_source = octets.subspan(80, 20),
          .nat_destination = octets.subspan(100, 20),
          .fragmentation_supported = true};
}

void BM_WriteResumeResponse(benchmark::State& state) {
  const auto messages = resume_requests(count_of(state));
  std::array<std::uint8_t, ike::kResumeResponseMax> buffer;
  const std::size_t len = ike::write_resume_response(response_for(messages[0]), buffer);
  run(state, messages, len, [&buffer](const Octets& m) {
    benchmark::DoNotOptimize(ike::write_resume_response(response_for(m), buffer));
    benchmark::ClobberMemory();
  });
}

void BM_WriteResumeResponseAppending(benchmark::State& state) {
  const auto messages = resume_requests(count_of(state));
  std::array<std::uint8_t, ike::kResumeResponseMax> buffer;
  const std::size_t len = ike::write_resume_response(response_for(messages[0]), buffer);
  must(std::ranges::equal(append_resume_response(response_for(messages[0])),
                          crypto::Bytes(buffer).first(len)),
       "responses");
  run(state, messages, len, [](const Octets& m) {
    const Octets out = append_resume_response(response_for(m));
    benchmark::DoNotOptimize(out.data());
  });
}

void BM_ParseAuthRequest(benchmark::State& state) {
  const auto chains = auth_requests(count_of(state));
  ike::AuthRequest request;
  run(state, chains, chains[0].size(), [&request](const Octets& inner) {
    ike::PayloadType offending{};
    benchmark::DoNotOptimize(
        ike::parse_auth_request(ike::PayloadType::id_i, inner, request, offending));
    benchmark::DoNotOptimize(request);
  });
}

void BM_ParseAuthRequestCopying(benchmark::State& state) {
  const auto chains = auth_requests(count_of(state));
  for (const Octets& inner : chains) {
    OwnedAuth owned;
    ike::AuthRequest request;
    ike::PayloadType offending{};
    must(copy_auth_request(inner, owned) &&
             ike::parse_auth_request(ike::PayloadType::id_i, inner, request, offending) ==
                 ike::ParseError::none &&
             std::ranges::equal(request.id_i.body, owned.id_i) &&
             std::ranges::equal(request.auth.data, owned.auth) &&
             std::ranges::equal(request.sa, owned.sa),
         "authentication requests");
  }
  run(state, chains, chains[0].size(), [](const Octets& inner) {
    OwnedAuth owned;
    benchmark::DoNotOptimize(copy_auth_request(inner, owned));
    benchmark::DoNotOptimize(owned.auth.data());
  });
}

void BM_WriteTicketState(benchmark::State& state) {
  const auto sources = ticket_sources(count_of(state));
  std::array<std::uint8_t, ike::kTicketStateMax> buffer;
  run(state, sources, ike::ticket_state_len(sources[0].state()),
      [&buffer](const TicketSource& source) {
        benchmark::DoNotOptimize(ike::write_ticket_state(source.state(), buffer));
        benchmark::ClobberMemory();
      });
}

void BM_ParseTicketState(benchmark::State& state) {
  std::vector<Octets> plaintexts;
  for (const TicketSource& source : ticket_sources(count_of(state))) {
    Octets plaintext(ike::kTicketStateMax);
    plaintext.resize(ike::write_ticket_state(source.state(), plaintext));
    plaintexts.push_back(std::move(plaintext));
  }
  run(state, plaintexts, plaintexts[0].size(), [](const Octets& plaintext) {
    ike::TicketState ticket;
    benchmark::DoNotOptimize(ike::parse_ticket_state(plaintext, ticket));
    benchmark::DoNotOptimize(ticket);
  });
}

BENCHMARK(BM_ParseHeader)->Arg(1)->Arg(4096);
BENCHMARK(BM_WalkPayloads)->Arg(1)->Arg(4096);
BENCHMARK(BM_WalkPayloadsCopying)->Arg(1)->Arg(4096);
BENCHMARK(BM_ParseResumeRequest)->Arg(1)->Arg(4096);
BENCHMARK(BM_ParseResumeRequestCopying)->Arg(1)->Arg(4096);
BENCHMARK(BM_WriteResumeResponse)->Arg(1)->Arg(4096);
BENCHMARK(BM_WriteResumeResponseAppending)->Arg(1)->Arg(4096);
BENCHMARK(BM_ParseAuthRequest)->Arg(1)->Arg(4096);
BENCHMARK(BM_ParseAuthRequestCopying)->Arg(1)->Arg(4096);
BENCHMARK(BM_WriteTicketState)->Arg(1)->Arg(4096);
BENCHMARK(BM_ParseTicketState)->Arg(1)->Arg(4096);

}  // namespace

BENCHMARK_MAIN();
