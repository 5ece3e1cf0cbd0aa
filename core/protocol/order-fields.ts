/**
 * Byte offsets that NEW_ORDER commands, ACCEPTED events and order state events share, so that one description serves
 * the gateway, the core, settlement and history. All little-endian; a slot is 128 bytes; bytes not named are zero.
 *
 *  40 u32 keyId          the API key that placed the order
 *  44 u8  orderType   45 u8 timeInForce   46 u8 selfTradePrevention   47 u8 flags (OrderFlag)
 *  48 i32 priceTicks     the limit; of a market order its protection price; ≥ 1
 *  52 i32 stopPriceTicks 0 for none
 *  80 u32 makerRatePpm   84 u32 takerRatePpm   fixed when the order was placed
 */
export const ORDER_FIELDS = {
  KEY_ID: 40,
  ORDER_TYPE: 44,
  TIME_IN_FORCE: 45,
  SELF_TRADE_PREVENTION: 46,
  FLAGS: 47,
  PRICE_TICKS: 48,
  STOP_PRICE_TICKS: 52,
  MAKER_RATE_PPM: 80,
  TAKER_RATE_PPM: 84,
} as const;
