// Tests of CREATE_CHILD_SA: all three kinds, both directions, refusals.
#include "ike/create_child.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/ike/messages.h"

namespace ike {
namespace {

constexpr const char* kEspSa =
    "0000002801030403"
    "b25b688b"
    "0300000c01000014800e0100"
    "030000080400001f"
    "0000000805000000";
constexpr const char* kIkeSa =
    "0000002c01010803"
    "1112131415161718"
    "0300000c01000014800e0100"
    "0300000802000005"
    "000000080400001f";
constexpr const char* kTs = "01000000070000100000ffff00000000ffffffff";

RawPayload ke_payload() {
  Octets body = from_hex("001f0000");
  body.insert(body.end(), 32, std::uint8_t{0x4b});
  return raw(PayloadType::ke, body);
}
RawPayload rekey_notify(const char* spi = "0a0b0c0d") {
  RawPayload p = notify(Notify::rekey_sa, {}, from_hex(spi));
  p.body[0] = 3;
  return p;
}
std::vector<RawPayload> child() {
  return {raw(PayloadType::sa, from_hex(kEspSa)), raw(PayloadType::nonce, filled(32, 1)),
          ke_payload(), raw(PayloadType::ts_i, from_hex(kTs)),
          raw(PayloadType::ts_r, from_hex(kTs))};
}
std::vector<RawPayload> ike_rekey() {
  return {raw(PayloadType::sa, from_hex(kIkeSa)), raw(PayloadType::nonce, filled(32, 1)),
          ke_payload()};
}

struct Parsed {
  ParseError error;
  Octets inner;
  CreateChildRequest request;
  PayloadType offending = PayloadType::none;
};
Parsed parse(const std::vector<RawPayload>& payloads) {
  Parsed p;
  p.inner = chain_of(payloads);
  p.error = parse_create_child_request(first_of(payloads), p.inner, p.request, p.offending);
  return p;
}
std::vector<RawPayload> without(std::vector<RawPayload> list, std::size_t index) {
  list.erase(list.begin() + static_cast<std::ptrdiff_t>(index));
  return list;
}
std::vector<RawPayload> plus(std::vector<RawPayload> list, RawPayload more) {
  list.push_back(std::move(more));
  return list;
}

TEST(CreateChildRequest, ReadsANewChild) {  // RFC 7296 §1.3.1
  const Parsed p = parse(child());
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_EQ(p.request.kind, CreateChildKind::new_child);
  EXPECT_EQ(to_hex(p.request.sa), kEspSa);
  EXPECT_EQ(to_hex(p.request.nonce), to_hex(filled(32, 1)));
  EXPECT_TRUE(p.request.has_ke);
  EXPECT_EQ(p.request.ke, KeId::curve25519);
  EXPECT_EQ(p.request.ke_data.size(), 32u);
  EXPECT_EQ(p.request.ts_i.count, 1u);
  EXPECT_EQ(p.request.ts_r.count, 1u);
  const Parsed no_ke = parse(without(child(), 2));
  ASSERT_EQ(no_ke.error, ParseError::none);
  EXPECT_FALSE(no_ke.request.has_ke);
  EXPECT_EQ(no_ke.request.ke, KeId::none);
}

TEST(CreateChildRequest, ReadsARekeyOfAChild) {  // RFC 7296 §1.3.3, CORE-69
  for (const bool first : {false, true}) {
    std::vector<RawPayload> list = plus(child(), rekey_notify());
    if (first) std::ranges::rotate(list, list.end() - 1);
    const Parsed p = parse(list);
    ASSERT_EQ(p.error, ParseError::none);
    EXPECT_EQ(p.request.kind, CreateChildKind::rekey_child);
    EXPECT_EQ(p.request.rekey_protocol, Protocol::esp);
    EXPECT_EQ(p.request.rekey_spi, EspSpi(0x0a0b0c0d));
  }
}

TEST(CreateChildRequest, ReadsARekeyOfTheIkeSa) {  // RFC 7296 §1.3.2
  const Parsed p = parse(plus(ike_rekey(), notify(Notify::ticket_request)));
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_EQ(p.request.kind, CreateChildKind::rekey_ike);
  EXPECT_TRUE(p.request.has_ke && p.request.ticket_request);
  EXPECT_EQ(p.request.ts_i.count + p.request.ts_r.count, 0u);
}

TEST(CreateChildRequest, RekeyOfTheIkeSaWantsAKe) {  // CORE-75, RFC 7296 §1.3.2
  EXPECT_EQ(parse(without(ike_rekey(), 2)).error, ParseError::missing_payload);
}

TEST(CreateChildRequest, ReadsTheNotifiesItKnows) {
  std::vector<RawPayload> list = child();
  for (const Notify type : {Notify::use_transport_mode, Notify::esp_tfc_padding_not_supported,
                            Notify::non_first_fragments_also, static_cast<Notify>(40000)})
    list.push_back(notify(type));
  const Parsed p = parse(list);
  ASSERT_EQ(p.error, ParseError::none);
  EXPECT_TRUE(p.request.transport_mode && p.request.tfc_padding_not_supported &&
              p.request.non_first_fragments_also);
  EXPECT_FALSE(p.request.ticket_request);
}

TEST(CreateChildRequest, WantsEachOnce) {
  for (std::size_t i = 0; i < child().size(); ++i) {
    if (i != 2) {
      EXPECT_EQ(parse(without(child(), i)).error, ParseError::missing_payload) << i;
    }
    EXPECT_EQ(parse(plus(child(), child()[i])).error, ParseError::duplicate_payload) << i;
  }
  EXPECT_EQ(parse(plus(plus(child(), rekey_notify()), rekey_notify())).error,
            ParseError::duplicate_payload);
  EXPECT_EQ(parse({}).error, ParseError::missing_payload);
}

TEST(CreateChildRequest, RefusesWhatIsMalformed) {  // CORE-17, CORE-18, CORE-11
  EXPECT_EQ(parse(plus(child(), rekey_notify("0a0b0c"))).error, ParseError::bad_notify);
  EXPECT_EQ(parse(plus(child(), rekey_notify("0a0b0c0d0e"))).error, ParseError::bad_notify);
  EXPECT_EQ(parse(plus(child(), raw(PayloadType::sk, filled(40, 1)))).error, ParseError::bad_sk);
  EXPECT_EQ(parse(plus(child(), raw(PayloadType::notify, {3, 9, 64, 9}))).error,
            ParseError::bad_notify);
  const Parsed critical = parse(plus(child(), {200, {}, true}));
  EXPECT_EQ(critical.error, ParseError::critical_unknown);
  EXPECT_EQ(critical.offending, static_cast<PayloadType>(200));
  const auto with_body = [](std::size_t i, Octets body) {
    std::vector<RawPayload> list = child();
    list[i].body = std::move(body);
    return parse(list).error;
  };
  EXPECT_EQ(with_body(0, {0, 0, 0}), ParseError::bad_proposal);
  EXPECT_EQ(with_body(1, filled(15, 1)), ParseError::bad_nonce_length);
  EXPECT_EQ(with_body(2, {0, 31, 0, 0}), ParseError::bad_ke);
  EXPECT_EQ(with_body(3, {2, 0, 0, 0}), ParseError::bad_selector);
}

TEST(CreateChildRequest, ForgetsTheLastOne) {
  Parsed p = parse(plus(child(), rekey_notify()));
  const Octets inner = chain_of(ike_rekey());
  ASSERT_EQ(parse_create_child_request(PayloadType::sa, inner, p.request, p.offending),
            ParseError::none);
  EXPECT_EQ(p.request.kind, CreateChildKind::rekey_ike);
  EXPECT_EQ(p.request.rekey_spi, EspSpi());
  EXPECT_EQ(p.request.ts_i.count, 0u);
}

// A chain as written by `write`.
template <class Write>
Octets written(PayloadType& first, Write write) {
  Octets buffer(4096);
  crypto::ByteWriter writer(buffer);
  ChainBuilder chain(writer);
  write(chain);
  EXPECT_TRUE(writer.ok());
  first = chain.first_type();
  buffer.resize(writer.size());
  return buffer;
}

SelectorList any4() {
  SelectorList list;
  list.items[0] = selector_of(TsType::ipv4_addr_range, Octets{0, 0, 0, 0}, 0);
  list.count = 1;
  return list;
}
Suite pfs_suite() {
  Suite s;
  s.ke = KeId::ecp_256;
  return s;
}

TEST(CreateChildOffer, ReadsBackForAllKinds) {
  const SelectorList ts = any4();
  const Suite suites[] = {pfs_suite(), Suite()};
  const Octets nonce = filled(32, 1), ke = filled(64, 2);
  for (const CreateChildKind kind :
       {CreateChildKind::new_child, CreateChildKind::rekey_child, CreateChildKind::rekey_ike}) {
    const bool is_ike = kind == CreateChildKind::rekey_ike;
    CreateChildOffer offer;
    offer.kind = kind;
    offer.rekey_spi = EspSpi(7);
    offer.suites = std::span(suites).first(is_ike ? 1 : 2);
    offer.child_spi = EspSpi(8);
    offer.ike_spi = IkeSpi(9);
    offer.nonce = nonce;
    offer.ke = KeId::ecp_256;
    offer.ke_data = ke;
    offer.ts_i = offer.ts_r = is_ike ? nullptr : &ts;
    offer.transport_mode = !is_ike;
    offer.ticket_request = is_ike;
    PayloadType first{};
    const Octets inner =
        written(first, [&](ChainBuilder& chain) { write_create_child_offer(chain, offer); });
    CreateChildRequest r;
    PayloadType offending{};
    ASSERT_EQ(parse_create_child_request(first, inner, r, offending), ParseError::none);
    EXPECT_EQ(r.kind, kind);
    EXPECT_EQ(r.rekey_spi, EspSpi(kind == CreateChildKind::rekey_child ? 7 : 0));
    EXPECT_EQ(to_hex(r.nonce), to_hex(nonce));
    EXPECT_EQ(to_hex(r.ke_data), to_hex(ke));
    EXPECT_EQ(r.ts_i.count, is_ike ? 0u : 1u);
    EXPECT_EQ(r.transport_mode, !is_ike);
    EXPECT_EQ(r.ticket_request, is_ike);
    Choice c;
    bool fits = false;
    ASSERT_TRUE(choose_with_ke(r.sa, is_ike ? Protocol::ike : Protocol::esp, suites, r.ke,
                               KePolicy::strict, c, fits));
    EXPECT_TRUE(fits);
    EXPECT_EQ(to_hex(c.spi), is_ike ? "0000000000000009" : "00000008");
  }
}

TEST(CreateChildResponse, ReadsBackForBothProtocols) {  // R5723-12
  const SelectorList ts = any4();
  const Octets nonce = filled(32, 1), ke = filled(64, 2), ticket = filled(40, 3);
  for (const bool is_ike : {false, true}) {
    CreateChildResponse response;
    response.is_ike = is_ike;
    response.proposal_number = 2;
    response.suite = pfs_suite();
    response.child_spi = EspSpi(8);
    response.ike_spi = IkeSpi(9);
    response.nonce = nonce;
    response.ke_data = ke;
    response.ts_i = response.ts_r = is_ike ? nullptr : &ts;
    response.transport_mode = response.additional_ts_possible = !is_ike;
    if (is_ike) response.ticket = ticket;
    response.ticket_lifetime_s = 60;
    PayloadType first{};
    const Octets inner =
        written(first, [&](ChainBuilder& chain) { write_create_child_response(chain, response); });
    CreateChildAnswer a;
    ASSERT_EQ(parse_create_child_answer(first, inner, a), ParseError::none);
    EXPECT_EQ(a.error, 0);
    EXPECT_EQ(to_hex(a.nonce), to_hex(nonce));
    EXPECT_TRUE(a.has_ke);
    EXPECT_EQ(a.ke, KeId::ecp_256);
    EXPECT_EQ(a.has_ts, !is_ike);
    EXPECT_EQ(a.transport_mode, !is_ike);
    EXPECT_EQ(to_hex(a.ticket), is_ike ? to_hex(ticket) : "");
    Choice c;
    ASSERT_EQ(read_chosen(a.sa, is_ike ? Protocol::ike : Protocol::esp, c), ParseError::none);
    EXPECT_EQ(c.proposal_number, 2);
    EXPECT_EQ(c.suite.ke, KeId::ecp_256);
  }
}

TEST(CreateChildResponse, WithoutKeHasNoGroup) {
  const SelectorList ts = any4();
  const Octets nonce = filled(32, 1);
  CreateChildResponse response;
  response.nonce = nonce;
  response.ts_i = response.ts_r = &ts;
  PayloadType first{};
  const Octets inner =
      written(first, [&](ChainBuilder& chain) { write_create_child_response(chain, response); });
  CreateChildAnswer a;
  ASSERT_EQ(parse_create_child_answer(first, inner, a), ParseError::none);
  EXPECT_FALSE(a.has_ke);
  Choice c;
  ASSERT_EQ(read_chosen(a.sa, Protocol::esp, c), ParseError::none);
  EXPECT_EQ(c.suite.ke, KeId::none);
}

TEST(CreateChildRefusal, SaysWhy) {  // CORE-70, CORE-71, CORE-72, CORE-77, RFC 7296 §2.25
  CreateChildAnswer a;
  PayloadType first{};
  for (const Notify type : {Notify::no_proposal_chosen, Notify::ts_unacceptable,
                            Notify::no_additional_sas, Notify::temporary_failure}) {
    const Octets inner =
        written(first, [&](ChainBuilder& chain) { write_create_child_refusal(chain, type); });
    ASSERT_EQ(parse_create_child_answer(first, inner, a), ParseError::none);
    EXPECT_EQ(a.error, static_cast<std::uint16_t>(type));
  }
  Octets inner = written(
      first, [](ChainBuilder& chain) { write_create_child_invalid_ke(chain, KeId::ecp_521); });
  ASSERT_EQ(parse_create_child_answer(first, inner, a), ParseError::none);
  EXPECT_EQ(a.error, 17);
  EXPECT_EQ(a.wanted_ke, KeId::ecp_521);
  inner = written(first, [](ChainBuilder& chain) {
    write_child_sa_not_found(chain, Protocol::esp, EspSpi(0x01020304));
  });
  EXPECT_EQ(to_hex(inner), "0000000c0304002c01020304");
  ASSERT_EQ(parse_create_child_answer(first, inner, a), ParseError::none);
  EXPECT_EQ(a.error, 44);
  EXPECT_EQ(a.error_spi, EspSpi(0x01020304));
}

TEST(CreateChildAnswer, RefusesWhatIsMalformed) {
  const auto answer = [](const std::vector<RawPayload>& list) {
    CreateChildAnswer a;
    return parse_create_child_answer(first_of(list), chain_of(list), a);
  };
  EXPECT_EQ(answer(child()), ParseError::none);
  EXPECT_EQ(answer({}), ParseError::missing_payload);
  EXPECT_EQ(answer(without(child(), 0)), ParseError::missing_payload);
  EXPECT_EQ(answer(without(child(), 1)), ParseError::missing_payload);
  EXPECT_EQ(answer(plus(child(), child()[1])), ParseError::duplicate_payload);
  EXPECT_EQ(answer({notify(Notify::invalid_ke_payload, {1})}), ParseError::bad_notify);
  EXPECT_EQ(answer({notify(Notify::child_sa_not_found)}), ParseError::bad_notify);
  EXPECT_EQ(answer({notify(static_cast<Notify>(9999))}), ParseError::none) << "an unknown error";
  EXPECT_EQ(answer(plus(child(), {200, {}, true})), ParseError::critical_unknown);
  EXPECT_EQ(answer(plus(child(), raw(PayloadType::skf, filled(40, 1)))), ParseError::bad_sk);
}

}  // namespace
}  // namespace ike
