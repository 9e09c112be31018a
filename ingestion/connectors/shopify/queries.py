"""The queries of Shopify's GraphQL Admin API. Their numbers of lines keep them below what Shopify lets a query cost."""

from __future__ import annotations

_MONEY = """
fragment Money on MoneyBag {
  presentmentMoney { amount }
}
"""
_ITEM = """
fragment Item on LineItem {
  id
  sku
  name
  quantity
  isGiftCard
  variant { legacyResourceId }
  product { legacyResourceId productType }
  originalUnitPriceSet { ...Money }
  discountAllocations { allocatedAmountSet { ...Money } }
  taxLines { priceSet { ...Money } }
}
"""
_SHIPPING = """
fragment Shipping on ShippingLine {
  id
  title
  code
  originalPriceSet { ...Money }
  discountAllocations { allocatedAmountSet { ...Money } }
  taxLines { priceSet { ...Money } }
}
"""
_LISTED_REFUND = """
fragment ListedRefund on Refund {
  id
  createdAt
  totalRefundedSet { ...Money }
}
"""
_HEADER = (
    """
fragment Header on Order {
  id
  test
  cancelledAt
  createdAt
  processedAt
  updatedAt
  currencyCode
  presentmentCurrencyCode
  taxesIncluded
  displayFinancialStatus
  sourceName
  totalPriceSet { ...Money }
  totalTipReceivedSet { ...Money }
  originalTotalDutiesSet { ...Money }
  originalTotalAdditionalFeesSet { ...Money }
  retailLocation { legacyResourceId name }
  customer { legacyResourceId firstName lastName }
  billingAddress { city countryCodeV2 }
  refunds(first: 20) { ...ListedRefund }
}
"""
    + _LISTED_REFUND
)
ORDERS = (
    """
query Orders($first: Int!, $after: String, $query: String!, $sortKey: OrderSortKeys!) {
  orders(first: $first, after: $after, query: $query, sortKey: $sortKey) {
    pageInfo { hasNextPage endCursor }
    nodes {
      ...Header
      lineItems(first: 10) {
        pageInfo { hasNextPage endCursor }
        nodes { ...Item }
      }
      shippingLines(first: 3) {
        pageInfo { hasNextPage endCursor }
        nodes { ...Shipping }
      }
    }
  }
}
"""
    + _HEADER
    + _ITEM
    + _SHIPPING
    + _MONEY
)
"""Orders with their first lines. Refunds are only listed: their lines would make the query too expensive."""
HEADERS = (
    """
query Headers($first: Int!, $after: String, $query: String!, $sortKey: OrderSortKeys!) {
  orders(first: $first, after: $after, query: $query, sortKey: $sortKey) {
    pageInfo { hasNextPage endCursor }
    nodes { ...Header }
  }
}
"""
    + _HEADER
    + _MONEY
)
"""Orders without lines, to find their refunds."""
ITEMS = (
    """
query Items($id: ID!, $after: String) {
  order(id: $id) {
    lineItems(first: 50, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { ...Item }
    }
  }
}
"""
    + _ITEM
    + _MONEY
)
"""Further lines of an order."""
SHIPPING = (
    """
query Shipping($id: ID!, $after: String) {
  order(id: $id) {
    shippingLines(first: 50, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes { ...Shipping }
    }
  }
}
"""
    + _SHIPPING
    + _MONEY
)
"""Further shipping lines of an order."""
REFUNDS = (
    """
query Refunds($id: ID!) {
  order(id: $id) {
    refunds(first: 250) { ...ListedRefund }
  }
}
"""
    + _LISTED_REFUND
    + _MONEY
)
"""The refunds of an order that has more than the other queries list. They have no pages."""
REFUND = (
    """
query Refund($id: ID!, $after: String) {
  refund(id: $id) {
    id
    createdAt
    refundLineItems(first: 30, after: $after) {
      pageInfo { hasNextPage endCursor }
      nodes {
        id
        quantity
        subtotalSet { ...Money }
        totalTaxSet { ...Money }
        lineItem { ...Item }
      }
    }
    refundShippingLines(first: 5) {
      pageInfo { hasNextPage }
      nodes { id subtotalAmountSet { ...Money } taxAmountSet { ...Money } }
    }
    orderAdjustments(first: 5) {
      pageInfo { hasNextPage }
      nodes { id reason amountSet { ...Money } taxAmountSet { ...Money } }
    }
    transactions(first: 10) {
      pageInfo { hasNextPage }
      nodes { kind status amountSet { ...Money } }
    }
  }
}
"""
    + _ITEM
    + _MONEY
)
"""A refund with its lines."""
COUNT = """
query Count($query: String!) {
  ordersCount(query: $query, limit: null) { count }
}
"""
"""How many orders a listing has."""
QUERIES = {
    "orders": ORDERS,
    "headers": HEADERS,
    "items": ITEMS,
    "shipping": SHIPPING,
    "refunds": REFUNDS,
    "refund": REFUND,
    "count": COUNT,
}
