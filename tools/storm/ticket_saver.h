// Ticket saver: writes the tickets that a run ends with into a new bag, so that the next run can
// resume the same clients again. The crowd's thread.
#pragma once

#include <string>

#include "tools/storm/crowd.h"
#include "tools/storm/ticket_bag.h"

namespace storm {

class TicketSaver final : public SessionSink {
 public:
  // `clients` as in the crowd's configuration. The bag that clients resume from outlives the saver;
  // null for connecting clients, who have nothing to keep when they fail.
  static crypto::Result<TicketSaver> create(const std::string& path, const TicketBag* bag,
                                            std::uint32_t clients);

  // A client's new ticket; one that got none has none to save.
  void established(const Established& session) override;
  // A client that failed keeps its ticket, unless the gateway refused it for good.
  void failed(std::uint32_t client, Outcome outcome) override;

  // Adds the clients that were told nothing about, and puts the file in place. Error: the first
  // thing that went wrong, now or before.
  crypto::Status commit(std::uint64_t now_s);
  std::size_t count() const { return writer_.count(); }

 private:
  TicketSaver(TicketBagWriter writer, const TicketBag* bag, std::uint32_t clients)
      : writer_(std::move(writer)), bag_(bag), seen_(clients, false) {}
  void add(const Credential& credential);

  TicketBagWriter writer_;
  const TicketBag* bag_;
  std::vector<bool> seen_;
  crypto::Status status_;
};

}  // namespace storm
