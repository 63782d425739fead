# two routers, one edge before its nodes, and much that is passed over
Creator "somebody"
graph [
  directed 0
  edge [ source 7 target -3 LinkSpeed "2.5" LinkSpeedUnits "G" LinkLabel "2.5 Gbit/s" ]
  edge [ source 7 target 7 ]
  edge [ source 7 target 12 LinkSpeedRaw 155000000.0 LinkSpeed "99" LinkSpeedUnits "T" ]
  edge [ source 12 target 7 ]
  node [ id 7 label "New York" Longitude -74.00597 graphics [ x 1.5e3 y -2 fill "#ff0000" ] ]
  node [ id -3 label "São Paulo" ]
  node [ id 12 label "New York" ]
  node [ id 13 label "42 !" ]
  node [ id 14 ]
]
